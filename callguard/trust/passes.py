"""Short-lived passes: who holds one may open one media stream of one call, once."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

import msgspec

LIFETIME_SECONDS = 300


class _Claims(msgspec.Struct, frozen=True):
    call_sid: str
    id: UUID
    expires: int


@dataclass(frozen=True, slots=True)
class StreamPass:
    """What a valid pass says: its own id, to be used up, and the call it is for."""

    id: UUID
    call_sid: str


class PassIssuer:
    """HMAC-SHA256 over the claims; nothing is stored until a pass is used."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, call_sid: str, pass_id: UUID, now: float) -> str:
        claims = msgspec.json.encode(
            _Claims(call_sid=call_sid, id=pass_id, expires=int(now) + LIFETIME_SECONDS)
        )
        return f"{_text(claims)}.{_text(self._sign(claims))}"

    def check(self, token: str, now: float) -> StreamPass | None:
        """The pass, or None where it is forged, damaged or too old."""
        body, _, signature = token.partition(".")
        try:
            claims = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
            if not hmac.compare_digest(given, self._sign(claims)):
                return None
            read = msgspec.json.decode(claims, type=_Claims)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            return None
        return StreamPass(read.id, read.call_sid) if read.expires > now else None

    def _sign(self, claims: bytes) -> bytes:
        return hmac.digest(self._key, claims, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
