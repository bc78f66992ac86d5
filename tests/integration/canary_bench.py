"""The demo family with a second number of the operator's, from which its canary calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callguard.canary import runs
from callguard.canary.runs import RunReport
from callguard.config import Settings
from callguard.local.family import DEMO_FAMILY
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import Handset, OnCall, PhoneNumber
from tests.integration.eventually import eventually

CANARY_NUMBER = "+12025550198"
# Call time has to pass: at none at all the listening end is gone before the other one speaks.
SPEED = 20.0
TENANT = DEMO_FAMILY.tenant_id
HOME = DEMO_FAMILY.phone_number


def with_canary(settings: Settings) -> Settings:
    return settings.model_copy(update={"canary_number": CANARY_NUMBER})


@asynccontextmanager
async def canary_stage(
    settings: Settings, *, speed: float = SPEED, **changes: object
) -> AsyncIterator[Stage]:
    async with in_process(with_canary(settings).model_copy(update=changes), speed=speed) as stage:
        stage.stand_in.add_number(PhoneNumber(CANARY_NUMBER))
        stage.stand_in.phone_book.put(Handset(CANARY_NUMBER, on_call=OnCall.NO_ANSWER))
        yield stage


def at_home(stage: Stage, on_call: OnCall) -> None:
    """What the person's own phone does."""
    forwards_to = DEMO_FAMILY.twilio_number if on_call is OnCall.FORWARDS_BACK else None
    stage.stand_in.phone_book.put(Handset(HOME, on_call=on_call, forwards_to=forwards_to))


async def ask(stage: Stage) -> object:
    """A test of Margaret's protection; its id."""
    async with stage.database.tenant(TENANT) as session:
        (person,) = await runs.people(session)
        return await runs.request(session, TENANT, person, "command")


async def ended(stage: Stage, run_id: object) -> RunReport:
    """The run's report once it is over."""

    async def look() -> RunReport:
        async with stage.database.tenant(TENANT) as session:
            report = await runs.report(session, run_id)  # type: ignore[arg-type]  # a UUID, as `ask` gave it
        assert report is not None
        return report

    return await eventually(look, lambda report: report.state != "running")
