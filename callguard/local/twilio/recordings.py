"""What <Record> recorded, kept in memory, and what is told of it."""

import io
import wave
from dataclasses import dataclass, field
from datetime import datetime

from callguard.domain.audio import SAMPLE_RATE, mulaw_decode
from callguard.local.twilio.account import API_VERSION, new_sid, utc_now

TWILIO = "https://api.twilio.com"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording by its mu-law bytes."""

    account_sid: str
    call_sid: str
    mulaw: bytes = field(repr=False)
    sid: str = field(default_factory=lambda: new_sid("RE"))
    started: datetime = field(default_factory=utc_now)

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return round(len(self.mulaw) / SAMPLE_RATE)

    @property
    def wav(self) -> bytes:
        """As its address gives it: 16-bit PCM, 8 kHz, one channel."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(SAMPLE_RATE)
            writer.writeframes(mulaw_decode(self.mulaw).astype("<i2").tobytes())
        return file.getvalue()

    def params(self) -> dict[str, str]:
        """What the action of <Record> is told."""
        url = f"{TWILIO}/{API_VERSION}/Accounts/{self.account_sid}/Recordings/{self.sid}"
        return {"RecordingSid": self.sid, "RecordingUrl": url, "RecordingDuration": str(self.seconds)}


class Recordings:
    """The account's recordings, by SID."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Recording] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def keep(self, recording: Recording) -> None:
        """Add one."""
        self._by_sid[recording.sid] = recording

    def find(self, sid: str) -> Recording | None:
        """The one with this SID."""
        return self._by_sid.get(sid)

    def forget(self, sid: str) -> None:
        """Delete one."""
        del self._by_sid[sid]
