"""`/api/test/protection`: a test call now, and what became of it."""

import asyncio
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callguard.api.doors import MOST_BYTES, guarded, json_reply, read_body
from callguard.api.errors import refusal
from callguard.canary import runs
from callguard.dashboard.access import Access
from callguard.db.pool import Database, Row


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    person_id: UUID | None = None


class _Asked(msgspec.Struct):
    test_id: UUID
    person_id: UUID
    status_url: str
    is_test: bool = True


def protection_routes(
    database: Database, access: Access, wake: asyncio.Event, number: str | None
) -> list[Route]:
    """The doors of this subject, for who shows the dashboard's key as a bearer token.

    `wake` is set when a test was asked for; `number` is what test calls come from.
    """
    doors = _Doors(database, wake, number)
    return [
        Route("/api/test/protection", guarded(access, doors.ask), methods=["POST"]),
        Route("/api/test/protection/{test_id}", guarded(access, doors.tell), methods=["GET"]),
    ]


class _Doors:
    def __init__(self, database: Database, wake: asyncio.Event, number: str | None) -> None:
        self._database = database
        self._wake = wake
        self._number = number

    async def ask(self, request: Request) -> Response:
        """202 with the test's id. Without a person_id the only person there is."""
        body = await read_body(request)
        if body is None:
            return refusal("VALIDATION_ERROR", f"The body is over {MOST_BYTES} bytes.", field="body")
        try:
            wanted = msgspec.json.decode(body or b"{}", type=_Wanted)
        except msgspec.DecodeError:
            return refusal(
                "VALIDATION_ERROR", 'The body must be JSON such as {"person_id": "<UUID>"}.', field="body"
            )
        runs.need_number(self._number)
        people = [
            (tenant_id, person)
            for tenant_id in await self._tenants()
            for person in await self._people(tenant_id, wanted.person_id)
        ]
        if wanted.person_id is not None and not people:
            return refusal("NOT_FOUND", "There is no such person with a Twilio number.")
        if len(people) != 1:
            return refusal(
                "VALIDATION_ERROR", "Say whose protection is to be tested.", field="person_id", value=None
            )
        [(tenant_id, person)] = people
        async with self._database.tenant(tenant_id) as session:
            test_id = await runs.request(session, tenant_id, person, "api")
        self._wake.set()
        asked = _Asked(test_id, person["user_id"], f"/api/test/protection/{test_id}")
        return json_reply(asked, 202, {"Location": asked.status_url})

    async def tell(self, request: Request) -> Response:
        """The test as it stands: `state` running, passed or failed, and each stage."""
        try:
            test_id = UUID(request.path_params["test_id"])
        except ValueError:
            return refusal("NOT_FOUND", "There is no such test.")
        async with self._database.session() as session:
            tenant_id = await session.value("canary.resolve", test_id)
        if tenant_id is None:
            return refusal("NOT_FOUND", "There is no such test.")
        async with self._database.tenant(tenant_id) as session:
            report = await runs.report(session, test_id)
        return refusal("NOT_FOUND", "There is no such test.") if report is None else json_reply(report, 200)

    async def _tenants(self) -> list[UUID]:
        async with self._database.session() as session:
            return [row["id"] for row in await session.rows("tenants.ids")]

    async def _people(self, tenant_id: UUID, person_id: UUID | None) -> list[Row]:
        async with self._database.tenant(tenant_id) as session:
            return await runs.people(session, person_id)
