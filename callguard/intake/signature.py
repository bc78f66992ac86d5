"""Whether Twilio sent it: `X-Twilio-Signature` over the public URL and the body, by the SDK's validator.

Source: Twilio, "Security: validating signatures". The URL is built from the configured public address,
never from the request's Host. WebSocket handshakes are signed over the wss URL, with or without a trailing
slash or the port.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import HTTPConnection
from twilio.request_validator import RequestValidator

HEADER = "x-twilio-signature"
WEB_SOCKET_PORT = {"ws": 80, "wss": 443}


def _now() -> datetime:
    return datetime.now(UTC)


class SignatureGate:
    """Accepts the primary and, during a rotation, which may end at a moment, the secondary auth token."""

    def __init__(
        self,
        tokens: Sequence[str],
        base_url: str,
        *,
        rotated_by: datetime | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._validators = [RequestValidator(token) for token in tokens]
        self._base_url = base_url
        self._rotated_by = rotated_by
        self._clock = clock

    def webhook_ok(self, request: HTTPConnection, body: FormData | bytes | None) -> bool:
        """`body`: a POST's form, the raw bytes of a JSON one (checked by `bodySHA256`), or None for a GET."""
        signature = request.headers.get(HEADER)
        if signature is None or (isinstance(body, bytes) and not request.query_params.get("bodySHA256")):
            return False
        url = self._url(request)
        payload: object = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or {}
        return any(v.validate(url, payload, signature) for v in self._accepted())

    def web_socket_ok(self, request: HTTPConnection) -> bool:
        signature = request.headers.get(HEADER)
        if signature is None:
            return False
        return any(
            v.validate(url, {}, signature)
            for url in _web_socket_urls("ws" + self._url(request).removeprefix("http"))
            for v in self._accepted()
        )

    def _accepted(self) -> Sequence[RequestValidator]:
        is_over = self._rotated_by is not None and self._clock() >= self._rotated_by
        return self._validators[:1] if is_over else self._validators

    def _url(self, request: HTTPConnection) -> str:
        query = request.scope["query_string"].decode("latin-1")
        return f"{self._base_url}{request.scope['path']}{'?' + query if query else ''}"


def _web_socket_urls(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}")
    hosts = {parts.netloc, host, f"{host}:{parts.port or WEB_SOCKET_PORT[parts.scheme]}"}
    path = parts.path.rstrip("/")
    for netloc in sorted(hosts):
        for candidate in (path, f"{path}/"):
            yield parts._replace(netloc=netloc, path=candidate).geturl()
