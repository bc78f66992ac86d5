"""Forms of our own pages: small ones, sent by the page itself."""

from urllib.parse import parse_qs

from starlette.requests import Request

MOST_BYTES = 1024


def from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent it."""
    return request.headers.get("sec-fetch-site", "same-origin") != "same-origin"


async def small_form(request: Request) -> dict[str, str]:
    """The fields of a small form; none where it is larger than the page's own can be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("ascii", "replace")).items()}
