"""`callguard check --live`: test calls placed by the running server, shown stage by stage."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

import msgspec
from rich.console import Console

from callguard.canary import runs
from callguard.canary.runs import RunReport, StageReport
from callguard.config import Settings
from callguard.db.pool import Database, Row
from callguard.domain.canary import Stage
from callguard.errors import CanaryRefused

LOOK_SECONDS = 0.25
# A server takes work up within a second or two.
NOBODY_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Live:
    """Test calls for everybody who has a Twilio number, or for the person of this name or e-mail address."""

    person: str | None
    json: bool

    async def run(self, settings: Settings, database: Database, console: Console) -> bool:
        """Whether every test call came through. Raises CanaryRefused, DatabaseError."""
        runs.need_number(settings.canary_number or settings.twilio_alert_number)
        wanted = await self._wanted(database)
        if not wanted:
            raise CanaryRefused("Nobody of this name has a Twilio number. See: callguard people show")
        reports = [await self._test(database, tenant_id, person, console) for tenant_id, person in wanted]
        if self.json:
            print(msgspec.json.format(msgspec.json.encode(reports)).decode())
        return all(report.state == "passed" for report in reports)

    async def _wanted(self, database: Database) -> list[tuple[UUID, Row]]:
        async with database.session() as session:
            tenants = [row["id"] for row in await session.rows("tenants.ids")]
        found = []
        for tenant_id in tenants:
            async with database.tenant(tenant_id) as session:
                found += [(tenant_id, person) for person in await runs.people(session)]
        return [each for each in found if self.person in (None, each[1]["name"], each[1]["email"])]

    async def _test(self, database: Database, tenant_id: UUID, person: Row, console: Console) -> RunReport:
        console.print(f"\nTest call for {person['name']}", style="bold", markup=False)
        async with database.tenant(tenant_id) as session:
            run_id = await runs.request(session, tenant_id, person, "command")
        shown: set[Stage] = set()
        began = time.monotonic()
        while True:
            async with database.tenant(tenant_id) as session:
                report = await runs.report(session, run_id)
                if report is not None and not shown and time.monotonic() - began > NOBODY_SECONDS:
                    await runs.failed(session, tenant_id, run_id, Stage.CALLED, "NO_SERVER")
                    report = await runs.report(session, run_id)
            if report is None:
                raise CanaryRefused("The person was removed while the test ran.")
            for stage in report.stages:
                if stage.at is not None and stage.stage not in shown:
                    shown.add(stage.stage)
                    console.print(_line(stage), markup=False, highlight=False)
            if report.state != "running":
                console.print(*_outcome(report), markup=False, highlight=False)
                return report
            await asyncio.sleep(LOOK_SECONDS)


def _line(stage: StageReport) -> str:
    return f"  {stage.seconds:6.1f} s  {stage.name}"


def _outcome(report: RunReport) -> tuple[str, ...]:
    if report.state == "passed":
        forwarding = "" if report.forwarding == "proven" else " (forwarding was not tested)"
        return (f"  ✓ protection is on{forwarding}",)
    why = f" ({report.error_code})" if report.error_code else ""
    hint = " Is `callguard serve` running?" if report.error_code == "NO_SERVER" else ""
    return (f"  ✗ {report.failed}{why}.{hint}",)
