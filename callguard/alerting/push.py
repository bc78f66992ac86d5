"""Web push (RFC 8030): encrypted for one browser (RFC 8291), signed by this server (VAPID, RFC 8292)."""

import asyncio
import base64
import binascii
import time
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import http_ece
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from callguard.config import Settings
from callguard.db.pool import Database, Row
from callguard.domain.channel_texts import title
from callguard.domain.replies import code_of
from callguard.domain.scoring import AlertLevel
from callguard.errors import ConfigurationError, DeliveryError, DeliveryRefused
from callguard.trust.egress import PublicResolver, is_https_name
from callguard.trust.links import AlertLinks

# A call seldom lasts longer; an alert that comes after it is no help.
TTL_SECONDS: Final = 1800
PUSH_SECONDS: Final = 10.0
SIGNED_FOR_SECONDS: Final = 3600
AUTH_BYTES: Final = 16
GONE: Final = "PUSH_GONE"
RECEIPT_PATH: Final = "/app/shown/"
_GONE = frozenset({404, 410})
_LATER = 429
# Of NIST P-256: a private key is a number from 1 to this less one.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Subscription(msgspec.Struct, frozen=True):
    """A browser that may be written to, as its `PushSubscription` tells."""

    endpoint: str
    p256dh: str
    auth: str

    def is_sound(self) -> bool:
        """Whether it is https to a named host, with a point of the curve and a secret of the right length."""
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpadded(self.p256dh))
            return is_https_name(self.endpoint) and len(unpadded(self.auth)) == AUTH_BYTES
        except ValueError:
            return False


class Vapid:
    """The key by which push services know this server. `subject`: a mailto: or https: address of it."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey, subject: str) -> None:
        self._key = private_key
        self._subject = subject
        point = private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = _text(point)
        """As browsers want it: `applicationServerKey`."""

    @classmethod
    def from_settings(cls, settings: Settings, derived: bytes) -> "Vapid":
        """VAPID_PRIVATE_KEY, or a key made of 32 `derived` bytes. Raises ConfigurationError."""
        given = settings.vapid_private_key
        number = int.from_bytes(derived) % (_ORDER - 1) + 1
        try:
            if given is not None:
                number = int.from_bytes(unpadded(given.get_secret_value()))
            key = ec.derive_private_key(number, ec.SECP256R1())
        except ValueError:
            raise ConfigurationError(
                "VAPID_PRIVATE_KEY must be a P-256 private key, 32 bytes in base64url. "
                "Leave it out, and one is derived from the master key."
            ) from None
        operator = f"mailto:{settings.operator_email}" if settings.operator_email else settings.base_url
        return cls(key, settings.vapid_subject or operator)

    def authorization(self, endpoint: str, now: float) -> str:
        """For one push service, and for an hour."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(now) + SIGNED_FOR_SECONDS,
            "sub": self._subject,
        }
        return f"vapid t={jwt.encode(claims, self._key, algorithm='ES256')}, k={self.public_key}"


def encrypt(subscription: Subscription, plaintext: bytes) -> bytes:
    """The body of a push, by aes128gcm with a key of its own."""
    sealed: bytes = http_ece.encrypt(
        plaintext,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=unpadded(subscription.p256dh),
        auth_secret=unpadded(subscription.auth),
        version="aes128gcm",
    )
    return sealed


def public_session() -> aiohttp.ClientSession:
    """Reaches the public internet alone, keeps no cookies, and no environment's proxy."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=PublicResolver(aiohttp.DefaultResolver())),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=PUSH_SECONDS),
    )


class PushAlerts:
    """An `AlertChannel`: to all browsers of the contact. Those that are gone are forgotten.

    A browser tells by a link of `receipts` that it has shown the alert; a click opens that of `evidence`.
    """

    def __init__(
        self,
        database: Database,
        vapid: Vapid,
        session: aiohttp.ClientSession,
        evidence: AlertLinks,
        receipts: AlertLinks,
    ) -> None:
        self._evidence = evidence
        self._receipts = receipts
        self._database = database
        self._vapid = vapid
        self._session = session

    async def send(self, tenant_id: UUID, alert: Row, text: str) -> str | None:
        async with self._database.tenant(tenant_id) as session:
            rows = await session.rows("push.of_contact", alert["contact_id"])
        code = code_of(alert["id"])
        shown = msgspec.json.encode(
            {
                "title": title(AlertLevel(alert["level"]), alert["language"]),
                "body": text,
                "tag": code,
                "receipt": RECEIPT_PATH + self._receipts.token(alert["id"]),
                "url": self._evidence.url(alert["id"]) if alert["verified"] else "",
            }
        )
        outcomes = await asyncio.gather(
            *(self._push(Subscription(**row), shown, code) for row in rows), return_exceptions=True
        )
        await self._forget_gone(tenant_id, alert["contact_id"], rows, outcomes)
        if None in outcomes:
            return None
        # What may still succeed is tried again before the alert counts as refused.
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in sorted(failures, key=lambda failure: isinstance(failure, DeliveryRefused)):
            raise failure
        raise DeliveryRefused("The contact has no browser left to write to.", code=GONE)

    async def _forget_gone(
        self, tenant_id: UUID, contact_id: UUID, rows: list[Row], outcomes: list[BaseException | None]
    ) -> None:
        async with self._database.tenant(tenant_id) as session:
            for row, outcome in zip(rows, outcomes, strict=True):
                if isinstance(outcome, DeliveryRefused) and outcome.code == GONE:
                    await session.run("push.unsubscribe", contact_id, row["endpoint"])

    async def _push(self, subscription: Subscription, shown: bytes, topic: str) -> None:
        if not subscription.is_sound():
            raise DeliveryRefused("The subscription can't be used.", code=GONE)
        try:
            async with self._session.post(
                subscription.endpoint,
                data=encrypt(subscription, shown),
                headers={
                    "Authorization": self._vapid.authorization(subscription.endpoint, time.time()),
                    "Content-Encoding": "aes128gcm",
                    "Content-Type": "application/octet-stream",
                    "TTL": str(TTL_SECONDS),
                    "Urgency": "high",
                    "Topic": topic,  # what is sent twice replaces itself while it waits
                },
                allow_redirects=False,
            ) as response:
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DeliveryError(
                f"A push service was not reached ({type(error).__name__}).", code="PUSH_UNREACHABLE"
            ) from None
        _judge(status)


def _judge(status: int) -> None:
    if 200 <= status < 300:
        return
    if status in _GONE:
        raise DeliveryRefused("The browser's subscription has ended.", code=GONE)
    kind = DeliveryError if status == _LATER or status >= 500 else DeliveryRefused
    raise kind(f"A push service answered {status}.", code=f"PUSH_{status}")


def unpadded(text: str) -> bytes:
    """Base64url without padding. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
