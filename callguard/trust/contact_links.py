"""Links by which a contact lets a browser of theirs be told of alerts: signed, and good for a day."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

import msgspec

LIFETIME_SECONDS = 24 * 3600
PATH = "/app/"
PURPOSE = "contact links"
"""Of the key that signs them."""
_SIGNATURE_BYTES = 16


class _Claims(msgspec.Struct, frozen=True, array_like=True):
    tenant_id: UUID
    contact_id: UUID
    expires: int


@dataclass(frozen=True, slots=True)
class LinkedContact:
    """Whom a valid link is for."""

    tenant_id: UUID
    contact_id: UUID


class ContactLinks:
    """HMAC-SHA256, cut to 128 bits, over who it is for and until when."""

    def __init__(self, key: bytes, base_url: str) -> None:
        self._key = key
        self._base_url = base_url

    def url(self, contact: LinkedContact, now: float) -> str:
        """The address to send to the contact, and to nobody else."""
        claims = msgspec.msgpack.encode(
            _Claims(contact.tenant_id, contact.contact_id, int(now) + LIFETIME_SECONDS)
        )
        token = base64.urlsafe_b64encode(self._sign(claims) + claims).rstrip(b"=").decode()
        return f"{self._base_url}{PATH}{token}"

    def read(self, token: str, now: float) -> LinkedContact | None:
        """The contact, or None where the token is forged, damaged or too old."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            signature, claims = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
            if not hmac.compare_digest(signature, self._sign(claims)):
                return None
            read = msgspec.msgpack.decode(claims, type=_Claims)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            return None
        return LinkedContact(read.tenant_id, read.contact_id) if read.expires > now else None

    def _sign(self, claims: bytes) -> bytes:
        return hmac.digest(self._key, claims, hashlib.sha256)[:_SIGNATURE_BYTES]
