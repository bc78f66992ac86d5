"""Reading a webhook: bounded, signed by Twilio, or refused."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from callguard.errors import ProtocolError
from callguard.intake.signature import SignatureGate

MOST_BYTES = 256 * 1024

log = structlog.get_logger(__name__)

Form = dict[str, str]
Webhook = Callable[[Request, Form], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def verified(signatures: SignatureGate, webhook: Webhook) -> Endpoint:
    """A webhook's endpoint: 403 without Twilio's signature, 413 over MOST_BYTES, 400 for broken protocol."""

    async def endpoint(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse("The webhook is too large.\n", status_code=413)
        form = await _form(request)
        if not signatures.webhook_ok(request, body if _is_json(request) else form):
            log.warning(
                "webhook_refused", path=request.scope["path"], signed="x-twilio-signature" in request.headers
            )
            return PlainTextResponse("The webhook's signature is missing or wrong.\n", status_code=403)
        fields = {
            name: value.replace("\0", "")
            for name, value in (form or request.query_params).multi_items()
            if isinstance(value, str)
        }
        try:
            return await webhook(request, fields)
        except ProtocolError as error:
            log.warning("webhook_malformed", path=request.scope["path"], code=error.code)
            return PlainTextResponse(f"{error}\n", status_code=400)

    return endpoint


async def _body(request: Request) -> bytes | None:
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BYTES:
        return None
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MOST_BYTES:
            return None
    request._body = bytes(received)  # noqa: SLF001  # Starlette's own place for a body that was read
    return bytes(received)


async def _form(request: Request) -> FormData | None:
    """None where there is none.

    Twilio's are URL-encoded; a multipart one could hold files, which it never signs.
    """
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return await request.form() if is_form else None


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")
