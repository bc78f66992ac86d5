"""What the doors of the account API have in common: who may come in, what is read, how it is answered."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from callguard.api.errors import refusal
from callguard.dashboard.access import Access
from callguard.errors import CanaryRefused, DatabaseError

MOST_BYTES = 4096

Endpoint = Callable[[Request], Awaitable[Response]]


def guarded(access: Access, endpoint: Endpoint) -> Endpoint:
    """For who shows the dashboard's key as a bearer token; what goes wrong becomes a reply."""

    async def guard(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access.opens(key.strip()):
            return refusal("AUTHENTICATION_REQUIRED", "Send the key as: Authorization: Bearer KEY.")
        try:
            return await endpoint(request)
        except CanaryRefused as error:
            return refusal(error.code, error.message)
        except DatabaseError:
            return refusal("INTERNAL_ERROR", "The database is away. Try again in a moment.")

    return guard


async def read_body(request: Request) -> bytes | None:
    """The body, or None where it is over MOST_BYTES."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def json_reply(content: object, status: int, headers: dict[str, str] | None = None) -> Response:
    """A reply that no cache keeps."""
    kept = {"Cache-Control": "no-store"} | (headers or {})
    return Response(msgspec.json.encode(content), status, kept, media_type="application/json")
