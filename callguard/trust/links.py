"""Links that show one alert to whoever got its message: short enough for an SMS, and signed.

What a link names does not change with the time it is written at, so that a message which is looked up before
it is sent again has the same words. How long it is good for is decided where it is opened, by the age of
the alert on the database's clock.
"""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

_ID_BYTES = 16
# With 122 random bits in the alert's id before it.
_SIGNATURE_BYTES = 8
PATH = "/e/"


class AlertLinks:
    """HMAC-SHA256, cut to 64 bits; 32 characters with the alert's id."""

    def __init__(self, key: bytes, base_url: str) -> None:
        self._key = key
        self._base_url = base_url

    def url(self, alert_id: UUID) -> str:
        """Where the alert's evidence is shown."""
        return f"{self._base_url}{PATH}{self.token(alert_id)}"

    def token(self, alert_id: UUID) -> str:
        """The last part of the address."""
        return base64.urlsafe_b64encode(alert_id.bytes + self._sign(b"view", alert_id)).decode()

    def read(self, token: str) -> UUID | None:
        """The alert, or None for a token that was not made here."""
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) != _ID_BYTES + _SIGNATURE_BYTES:
            return None
        alert_id = UUID(bytes=raw[:_ID_BYTES])
        return alert_id if hmac.compare_digest(raw[_ID_BYTES:], self._sign(b"view", alert_id)) else None

    def form(self, alert_id: UUID) -> str:
        """What the page's own form carries: who only knows the address has not got it."""
        return self._sign(b"form", alert_id).hex()

    def is_form(self, alert_id: UUID, value: str) -> bool:
        """Whether a form came from the page."""
        return hmac.compare_digest(value.encode(), self.form(alert_id).encode())

    def _sign(self, purpose: bytes, alert_id: UUID) -> bytes:
        return hmac.digest(self._key, purpose + alert_id.bytes, hashlib.sha256)[:_SIGNATURE_BYTES]
