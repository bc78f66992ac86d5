"""The doors under /app: the page, its script and service worker, and what they tell the server."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import jinja2
import msgspec
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from callguard.alerting.outbox import Outbox
from callguard.alerting.push import RECEIPT_PATH, Subscription
from callguard.alerting.subscribing import wording
from callguard.db.pool import Database
from callguard.errors import DatabaseError
from callguard.trust.contact_links import PATH, ContactLinks, LinkedContact
from callguard.trust.links import AlertLinks
from callguard.trust.page_headers import PageHeaders

MOST_BROWSERS = 5
MOST_BYTES = 8 * 1024

T = TypeVar("T")

_here = Path(__file__).parent
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_here), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)


class _Ended(msgspec.Struct):
    endpoint: str


def subscribing_routes(
    database: Database, links: ContactLinks, public_key: str, outbox: Outbox, receipts: AlertLinks
) -> list[BaseRoute]:
    """`public_key`: the server's, as browsers want it. By `receipts` they tell what they have shown."""
    doors = _Doors(database, links, public_key)

    async def shown(request: Request) -> Response:
        alert_id = receipts.read(request.path_params["token"])
        try:
            known = alert_id is not None and await outbox.told(alert_id, "delivered", None, None)
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return Response(status_code=204 if known else 404)

    headers = [Middleware(PageHeaders)]
    static = StaticFiles(directory=_here / "static")
    address = f"{PATH}{{token}}"
    return [
        # The worker stands above its scope: the page and its address.
        Mount(f"{PATH}static", static, middleware=headers),
        Route(f"{PATH}worker.js", doors.worker, middleware=headers),
        Route(f"{RECEIPT_PATH}{{token}}", shown, methods=["POST"], middleware=headers),
        Route(address, doors.page, methods=["GET"], middleware=headers),
        Route(address, doors.subscribe, methods=["PUT"], middleware=headers),
        Route(address, doors.unsubscribe, methods=["DELETE"], middleware=headers),
    ]


class _Doors:
    def __init__(self, database: Database, links: ContactLinks, public_key: str) -> None:
        self._database = database
        self._links = links
        self._public_key = public_key
        self._worker = (_here / "static" / "worker.js").read_text()

    async def worker(self, _request: Request) -> Response:
        return Response(self._worker, media_type="text/javascript")

    async def page(self, request: Request) -> Response:
        async def shown(contact: LinkedContact) -> Response:
            async with self._database.tenant(contact.tenant_id) as session:
                known = await session.row("push.contact", contact.contact_id)
            if known is None:
                return _ended()
            words = wording.PAGE.get(known["language"], wording.PAGE["en"])
            return HTMLResponse(
                _templates.get_template("page.html").render(
                    words=words,
                    person=known["person_name"],
                    language=known["language"],
                    public_key=self._public_key,
                )
            )

        return await self._for_contact(request, shown)

    async def subscribe(self, request: Request) -> Response:
        async def stored(contact: LinkedContact) -> Response:
            subscription = await _read(request, Subscription)
            if subscription is None or not subscription.is_sound():
                return PlainTextResponse("This is no push subscription.\n", status_code=400)
            async with self._database.tenant(contact.tenant_id) as session:
                added = await session.run(
                    "push.subscribe",
                    contact.tenant_id,
                    contact.contact_id,
                    subscription.endpoint,
                    subscription.p256dh,
                    subscription.auth,
                    MOST_BROWSERS,
                )
            if not added:
                return PlainTextResponse("Turn alerts off in another browser first.\n", status_code=409)
            return Response(status_code=204)

        return await self._for_contact(request, stored)

    async def unsubscribe(self, request: Request) -> Response:
        async def removed(contact: LinkedContact) -> Response:
            ended = await _read(request, _Ended)
            if ended is None:
                return PlainTextResponse("This is no push subscription.\n", status_code=400)
            async with self._database.tenant(contact.tenant_id) as session:
                await session.run("push.unsubscribe", contact.contact_id, ended.endpoint)
            return Response(status_code=204)

        return await self._for_contact(request, removed)

    async def _for_contact(
        self, request: Request, door: Callable[[LinkedContact], Awaitable[Response]]
    ) -> Response:
        contact = self._links.read(request.path_params["token"], time.time())
        if contact is None:
            return _ended()
        try:
            return await door(contact)
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)


def _ended() -> Response:
    """The same for a link that is forged, too old, or of a contact who was removed."""
    return HTMLResponse(_templates.get_template("ended.html").render(texts=wording.ENDED), status_code=404)


async def _read(request: Request, kind: type[T]) -> T | None:
    """A small JSON body of a kind, or None."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MOST_BYTES:
            return None
    try:
        return msgspec.json.decode(bytes(received), type=kind)
    except msgspec.DecodeError:
        return None
