"""A push service with browsers behind it: takes what RFC 8030 says, opens it as a browser would (RFC 8291),
and checks who sent it (RFC 8292). Written from the RFCs, not from the code under test.
"""

import base64
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import msgspec
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.stand_ins.certificate import contexts

HOST = "push.example.org"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


@dataclass
class Browser:
    """One subscription, and what it showed. `answer`: the status the service gives for it, if not 201."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    answer: int = 201
    shown: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def p256dh(self) -> str:
        return _b64(self._point(self.key.public_key()))

    def subscription(self) -> dict[str, str]:
        return {"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": _b64(self.auth)}

    @staticmethod
    def _point(key: ec.EllipticCurvePublicKey) -> bytes:
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def open(self, body: bytes) -> dict[str, str]:
        """RFC 8188 header, RFC 8291 keys, one record."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        assert len(body) <= 4096
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self.key.exchange(ec.ECDH(), sender)
        info = b"WebPush: info\0" + self._point(self.key.public_key()) + theirs
        secret = _hkdf(shared, self.auth, info, 32)
        key = _hkdf(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(secret, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert padded[-1:] == b"\x02"
        return msgspec.json.decode(padded[:-1], type=dict[str, str])


class _OneHost(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != HOST:
            raise OSError("no such host")
        here = "127.0.0.1"
        return [ResolveResult(hostname=host, host=here, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@dataclass
class PushService:
    """`session` reaches it by its public name. It refuses (401) what no valid VAPID signature comes with."""

    port: int
    public_key: str | None = None
    browsers: dict[str, Browser] = field(default_factory=dict)
    claims: list[dict[str, Any]] = field(default_factory=list)
    elsewhere: int = 0
    trust: Any = None

    def browser(self) -> Browser:
        path = f"/p/{secrets.token_hex(8)}"
        browser = Browser(f"https://{HOST}:{self.port}{path}")
        self.browsers[path] = browser
        return browser

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=_OneHost(), ssl=self.trust)
        return aiohttp.ClientSession(connector=connector)

    async def take(self, request: web.Request) -> web.Response:
        if request.path == "/elsewhere":
            self.elsewhere += 1
            return web.Response(status=201)
        browser = self.browsers.get(request.path)
        if browser is None:
            return web.Response(status=404)
        if browser.answer != 201:
            return web.Response(status=browser.answer, headers={"Location": "/elsewhere"})
        if not self._signed(request.headers["Authorization"]):
            return web.Response(status=401)
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert request.headers["TTL"].isdigit()
        browser.shown.append(browser.open(await request.read()))
        browser.headers.append(dict(request.headers))
        return web.Response(status=201, headers={"Location": f"https://{HOST}/m/1"})

    def _signed(self, authorization: str) -> bool:
        scheme, _, rest = authorization.partition(" ")
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _unb64(fields["k"]))
        audience = f"https://{HOST}:{self.port}"
        try:
            claims = jwt.decode(fields["t"], key, algorithms=["ES256"], audience=audience)
        except jwt.InvalidTokenError:
            return False
        self.claims.append(claims)
        in_a_day = claims["exp"] <= time.time() + 24 * 3600
        known = self.public_key in (None, fields["k"])
        return scheme == "vapid" and in_a_day and known


@asynccontextmanager
async def push_service(folder: Path) -> AsyncIterator[PushService]:
    server_side, trust = contexts(HOST, folder)
    application = web.Application()
    service = PushService(port=0, trust=trust)
    application.router.add_route("*", "/{path:.*}", service.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_side)
    await site.start()
    service.port = runner.addresses[0][1]
    try:
        yield service
    finally:
        await runner.cleanup()
