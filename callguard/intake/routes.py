"""Which phones stand behind which number, and who is let through to them: kept sealed on disk, for calls that
come without a database.
"""

import asyncio
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from callguard.db.pool import Database, Row
from callguard.domain.delivery import Delivery, in_order
from callguard.domain.policy import Consent, Policy, consent_asked
from callguard.errors import DatabaseError
from callguard.trust.sealing import SealBroken, Sealer

REFRESH_SECONDS = 5.0
_CONTEXT = b"routes"

log = structlog.get_logger(__name__)


class Route(msgspec.Struct, frozen=True):
    """Where a call on `twilio_number` goes, who is let through, and how it is announced."""

    twilio_number: str
    user_id: UUID
    phone_number: str
    language: str
    announce: bool
    policy: Policy = Policy()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def first_delivery(self) -> Delivery:
        """The way that is tried first."""
        return in_order(self.deliveries, self.phone_number)[0]

    @property
    def consent(self) -> Consent:
        """How callers who are listened to are told of it."""
        return consent_asked(self.policy, announce=self.announce)


def route_of(row: Row, **more: object) -> Route:
    """A route as the database tells it."""
    return msgspec.convert(dict(row) | more, Route)


class RouteBook:
    """All routes of this installation, in memory and in one sealed file."""

    def __init__(self, path: Path, sealer: Sealer) -> None:
        self._path = path
        self._sealer = sealer
        self._routes: dict[str, Route] = {}
        self._on_disk: dict[str, Route] | None = None

    def find(self, number: str) -> Route | None:
        return self._routes.get(number)

    def load(self) -> None:
        """What the last run knew. Blocking; a file that can't be read counts as none."""
        try:
            routes = msgspec.json.decode(
                self._sealer.open(self._path.read_bytes(), _CONTEXT), type=list[Route]
            )
        except FileNotFoundError:
            return
        except (OSError, SealBroken, msgspec.DecodeError) as error:
            log.warning("route_book_unreadable", error=type(error).__name__)
            return
        self._routes = self._on_disk = {route.twilio_number: route for route in routes}

    async def refresh(self, database: Database) -> None:
        """Takes over what the database says. Raises DatabaseError."""
        async with database.session() as session:
            rows = await session.rows("people.route_book")
        self._routes = {row["twilio_number"]: route_of(row) for row in rows}
        if self._routes != self._on_disk:
            await asyncio.to_thread(self._save, self._routes)

    async def learn(self, route: Route) -> None:
        """Takes over one route, that of a call just answered: the book need not wait for its next refresh."""
        if self._routes.get(route.twilio_number) != route:
            self._routes = self._routes | {route.twilio_number: route}
            await asyncio.to_thread(self._save, self._routes)

    def _save(self, routes: dict[str, Route]) -> None:
        draft = self._path.with_suffix(".part")
        try:
            draft.write_bytes(self._sealer.seal(msgspec.json.encode(list(routes.values())), _CONTEXT))
            draft.chmod(0o600)
            draft.replace(self._path)
        except OSError as error:
            log.warning("route_book_not_saved", error=type(error).__name__)
        else:
            self._on_disk = routes

    async def run(self, database: Database) -> None:
        """Refreshes for as long as it runs."""
        while True:
            try:
                await self.refresh(database)
            except DatabaseError as error:
                log.warning("route_book_not_refreshed", code=error.code)
            await asyncio.sleep(REFRESH_SECONDS)
