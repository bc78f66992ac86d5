"""The dashboard's doors: the page, its stream of changes, its static files."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from uuid import UUID

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from callguard.dashboard.access import Access
from callguard.dashboard.feed import LiveFeed
from callguard.dashboard.rendering import View, render_locked, render_opening, render_page
from callguard.dashboard.saying import Say
from callguard.dashboard.snapshot import SnapshotSource
from callguard.domain.feedback import Answer
from callguard.errors import DatabaseError
from callguard.trust.forms import from_elsewhere, small_form
from callguard.trust.page_headers import PageHeaders

PING_SECONDS = 15
STUCK_SECONDS = 30
_NEWLINE = "\n"  # htmx's parser takes a CR LF that the network tears apart for two line ends

_static = Path(__file__).parent / "static"


def dashboard_routes(
    source: SnapshotSource, say: Say, *, key: str, secure: bool, stopping: asyncio.Event
) -> list[BaseRoute]:
    """The routes under /dashboard: the live page and what it needs.

    `source` is asked while somebody watches; `say` stores what they say of a call; `key` opens the page, as
    in /dashboard?key=KEY (ConfigurationError when empty); `secure` says that people reach it by https. Set
    `stopping` when the server begins to stop, before it waits for open connections: the streams end then.
    """
    # At debug level the library logs every event whole, and with it what people say.
    logging.getLogger("sse_starlette").setLevel(logging.INFO)
    access = Access(key, secure=secure)
    doors = _Doors(LiveFeed(source, stopping=stopping, form=access.form), access, say)
    headers = [Middleware(PageHeaders)]
    return [
        Route("/dashboard", doors.page, middleware=headers, name="dashboard"),
        Route("/dashboard/events", doors.events, middleware=headers),
        Route("/dashboard/feedback/{call_id}", doors.said, methods=["POST"], middleware=headers),
        Mount("/dashboard/static", _StaticFiles(directory=_static), middleware=headers),
    ]


class _Doors:
    def __init__(self, feed: LiveFeed, access: Access, say: Say) -> None:
        self._feed = feed
        self._access = access
        self._say = say

    async def page(self, request: Request) -> Response:
        key = request.query_params.get("key")
        if key is not None and self._access.opens(key):
            return self._let_in(request)
        if key is not None or not self._access.admits(request):
            return HTMLResponse(render_locked(), status_code=401)
        view = await self._feed.current()
        if view is None:
            return PlainTextResponse("The server is stopping.", status_code=503)
        return HTMLResponse(render_page(view))

    def _let_in(self, request: Request) -> Response:
        # A redirect still counts as coming from the other site, and a strict cookie would stay behind.
        from_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
        response = HTMLResponse(render_opening()) if from_elsewhere else RedirectResponse("/dashboard", 303)
        self._access.remember(response)
        return response

    async def events(self, request: Request) -> Response:
        if not self._access.admits(request):
            return PlainTextResponse("Open the dashboard first.", status_code=401)
        return _Stream(
            _changes(self._feed),
            ping=PING_SECONDS,
            ping_message_factory=_tick,
            send_timeout=STUCK_SECONDS,
        )

    async def said(self, request: Request) -> Response:
        """A button of an ended call; the stream shows what it brought."""
        if not self._access.admits(request):
            return PlainTextResponse("Open the dashboard first.", status_code=401)
        form = await small_form(request)
        if not self._access.is_form(form.get("from_page", "")) or from_elsewhere(request):
            return PlainTextResponse("This form is not from the dashboard.", status_code=403)
        try:
            call_id, answer = UUID(request.path_params["call_id"]), Answer(form.get("answer", ""))
            known = await self._say(call_id, answer)
        except ValueError:
            known = False
        except DatabaseError:
            return PlainTextResponse("The database is away. Try again in a moment.", status_code=503)
        if not known:
            return PlainTextResponse("There is no such call, or no such answer.", status_code=404)
        return (
            Response(status_code=204)
            if "hx-request" in request.headers
            else RedirectResponse("/dashboard", 303)
        )


class _Stream(EventSourceResponse):
    """A stream that drops a reader who takes nothing for a while; it comes back by itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(SendTimeoutError):
            await super().__call__(scope, receive, send)


async def _changes(feed: LiveFeed) -> AsyncIterator[ServerSentEvent]:
    """The whole state at once, then what changes."""
    yield _tick()
    before: View | None = None
    async with aclosing(feed.views()) as views:
        async for view in views:
            changes = view.changes_since(before)
            before = view
            if changes:
                yield ServerSentEvent(data=changes, sep=_NEWLINE)


def _tick() -> ServerSentEvent:
    """A sign of life: a comment for proxies, and the server's clock (ms since 1970) for the page."""
    return ServerSentEvent(comment="ping", event="tick", data=str(time.time_ns() // 1_000_000), sep=_NEWLINE)


class _StaticFiles(StaticFiles):
    """Files that browsers keep, and ask about before using them, so that an update shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
