"""Real-time transcription of one leg: started, growing partials, finals, stopped, one after the other."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from callguard.local.twilio.account import new_sid, utc_now
from callguard.local.twilio.media_stream import FRAME_MS, Frame
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import TRACKS, Track, TranscriptionOptions
from callguard.local.twilio.plan import TranscriptionHabit
from callguard.local.twilio.speech import Heard, SpokenWord
from callguard.local.twilio.tasks import Tasks
from callguard.local.twilio.webhooks import Deliveries, compact_json
from callguard.speech.port import OnResult, Recognised, TrackRecogniser


class Transcription:
    """One session. Its webhooks keep their order; a slow receiver delays them and loses none."""

    def __init__(
        self,
        network: Network,
        tasks: Tasks,
        call_sid: str,
        options: TranscriptionOptions,
        note: Callable[[Track, Heard], None],
        habit: TranscriptionHabit = TranscriptionHabit.WORKS,
    ) -> None:
        self._habit: Final = habit
        self.sid: Final = new_sid("GT")
        self.options: Final = options
        self.status = "in-progress"
        self.updated = utc_now()
        self._network = network
        self._call_sid = call_sid
        self._note = note
        self._deliveries = Deliveries(network.webhooks, tasks)
        self._sequence = 0
        self._tracks = {track: _TrackAudio(network.clock.speed) for track in TRACKS[options.tracks]}

    def start(self) -> None:
        """Tell that the session has begun."""
        options = self.options
        provider = {
            "profanityFilter": _flag(options.profanity_filter),
            "speechModel": options.model,
            "enableAutomaticPunctuation": _flag(options.punctuation),
            **({"hints": options.hints} if options.hints else {}),
        }
        facts = {
            "TranscriptionEngine": options.engine,
            "ProviderConfiguration": compact_json(provider),
            "Track": options.tracks,
            "PartialResults": _flag(options.partial_results),
            "LanguageCode": options.language,
            "Name": options.name,
            "InboundTrackLabel": options.inbound_label,
            "OutboundTrackLabel": options.outbound_label,
        }
        self._post("transcription-started", {name: value for name, value in facts.items() if value})
        if self._habit is TranscriptionHabit.FAILS:
            self._post(
                "transcription-error",
                {"TranscriptionErrorCode": "32650", "TranscriptionError": "The provider gave up"},
            )
            self.status = "stopped"
            self.updated = utc_now()

    def tell(self, track: Track, heard: Heard) -> bool:
        """Tell a result; False when this session doesn't report it."""
        is_wanted = heard.is_final or self.options.partial_results
        if track not in self._tracks or not is_wanted or not self._hears:
            return False
        return self._content(track, heard)

    def _content(self, track: Track, heard: Heard) -> bool:
        is_multi = self.options.language == "multi"
        facts = {
            "LanguageCode": heard.language if is_multi and heard.language else self.options.language,
            "Track": track,
            "Final": _flag(heard.is_final),
        }
        data: dict[str, object] = {"transcript": heard.text}
        if heard.is_final and heard.confidence is not None:
            data["confidence"] = round(heard.confidence, 7)
        # Google's stability never reaches the webhook.
        if not heard.is_final and heard.stability is not None and self.options.engine == "deepgram":
            facts["Stability"] = str(heard.stability)
        return self._post("transcription-content", {**facts, "TranscriptionData": compact_json(data)})

    def feed(self, frame: Frame) -> None:
        """Give the recognisers their part of 20 ms; a track on which nobody is heard isn't recognised."""
        factory = self._network.recogniser
        if factory is None or not self._hears:
            return
        for track, audio in self._tracks.items():
            payload = frame.payload(track)
            if payload is not None:
                if audio.recogniser is None:
                    audio.recogniser = factory.open(self.options.language, self._listener(track, audio))
                audio.feed(payload, frame.at)

    def _listener(self, track: Track, audio: "_TrackAudio") -> OnResult:
        async def on_result(result: Recognised) -> None:
            is_wanted = result.is_final or self.options.partial_results
            if not result.text.strip() or not is_wanted or self.status == "stopped":
                return
            heard = Heard(
                result.text,
                result.is_final,
                result.confidence,
                result.stability,
                tuple(
                    SpokenWord(word.text, audio.spoken_at(word.start_ms), audio.spoken_at(word.end_ms))
                    for word in result.words
                ),
            )
            if self._content(track, heard):
                self._note(track, heard)

        return on_result

    @property
    def _hears(self) -> bool:
        return self.status == "in-progress" and self._habit is TranscriptionHabit.WORKS

    async def stop(self) -> None:
        """Tell the rest of what was heard and that the session has ended; again is no harm."""
        if self.status == "in-progress":
            # Nothing more is taken in, but what the recognisers still hold is told before the end.
            self.status = "stopping"
            recognisers = [audio.recogniser for audio in self._tracks.values() if audio.recogniser]
            await asyncio.gather(*(recogniser.close() for recogniser in recognisers))
            self.status = "stopped"
            self.updated = utc_now()
            self._post("transcription-stopped", {})
        await self.drained()

    async def drained(self) -> None:
        """Wait until every event so far has been delivered."""
        await self._deliveries.drained()

    def _post(self, event: str, facts: dict[str, str]) -> bool:
        callback = self.options.callback
        if not callback.url or not self.options.is_supported or self._habit is TranscriptionHabit.WITHHELD:
            return False
        self._sequence += 1
        params = {
            "AccountSid": self._network.account.sid,
            "CallSid": self._call_sid,
            "TranscriptionSid": self.sid,
            "Timestamp": utc_now().isoformat().replace("+00:00", "Z"),
            "SequenceId": str(self._sequence),
            "TranscriptionEvent": event,
            **facts,
        }
        self._deliveries.post(callback.url, params, callback.method)
        return True


class _TrackAudio:
    """A track's recogniser, and when each stretch of the audio fed to it was spoken."""

    def __init__(self, speed: float) -> None:
        self.recogniser: TrackRecogniser | None = None
        self._speed = speed
        self._starts_ms: list[int] = []
        self._spoken_at: list[float] = []

    def feed(self, mulaw: bytes, at: float) -> None:
        self._starts_ms.append(len(self._starts_ms) * FRAME_MS)
        self._spoken_at.append(at)
        if self.recogniser is not None:
            self.recogniser.feed(mulaw)

    def spoken_at(self, position_ms: int) -> float:
        frame = max(0, bisect_right(self._starts_ms, position_ms) - 1)
        return self._spoken_at[frame] + (position_ms - self._starts_ms[frame]) / 1000 / self._speed


def _flag(value: bool) -> str:
    return "true" if value else "false"
