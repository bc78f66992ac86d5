"""A scam call to the demo family, held open as long as a test needs it, and a look at what came of it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import CallPlan, CallRecord, DialogueConversation, Message, SpokenTurn
from tests.integration.eventually import eventually
from tests.integration.population import rows

ANNA, BEN = (relative.phone_number for relative in DEMO_FAMILY.relatives)
TWILIO = DEMO_FAMILY.twilio_number
CALLEE, CALLER = Speaker.CALLEE, Speaker.CALLER
ALARMING = (
    (CALLEE, "hello this is margaret"),
    (CALLER, "officer daniels of the social security administration there is a warrant for your arrest"),
    (CALLER, "do not tell anyone about this call and do not hang up go to the store and buy gift cards"),
)
AFTERWARDS = (CALLER, "read me the numbers on the back of the gift cards and stay on the line")

Hook = Callable[[str], Awaitable[None]]


async def scam(stage: Stage, then: Hook, caller: str = "+12025550199") -> CallRecord:
    """A scam that alarms everybody; `then` gets the call's SID, and one more sentence follows it."""

    async def after_turn(call_sid: str, turn: int) -> None:
        await stage.simulator.settle(call_sid)
        if turn == len(ALARMING):
            await then(call_sid)
            await stage.simulator.settle(call_sid)

    turns = [SpokenTurn(speaker, text) for speaker, text in (*ALARMING, AFTERWARDS)]
    plan = CallPlan(
        from_number=caller,
        to_number=TWILIO,
        conversation=DialogueConversation(turns=turns, after_turn=after_turn, language="en"),
        stir="A",
        forwarded_from=DEMO_FAMILY.phone_number,
    )
    return await stage.stand_in.place_call(plan)


@asynccontextmanager
async def scam_under_way(
    stage: Stage, caller: str = "+12025550199"
) -> AsyncIterator["asyncio.Task[CallRecord]"]:
    """A scam whose alerts have left; it goes on until the block has ended, or the call is ended."""
    alarmed, over = asyncio.Event(), asyncio.Event()

    async def hold_open(_call_sid: str) -> None:
        alarmed.set()
        await over.wait()

    task = asyncio.create_task(scam(stage, hold_open, caller))
    async with asyncio.timeout(30):
        await alarmed.wait()
        try:
            yield task
        finally:
            over.set()
            await task


async def alerts(cluster: Cluster, number: str) -> dict[str, str]:
    """The status of each danger alert to a contact, by channel."""
    found = await rows(
        cluster,
        "SELECT a.alert_type, a.status FROM alerts a JOIN emergency_contacts e ON e.id = a.contact_id "
        "WHERE e.phone_number = $1 AND a.level = 'danger'",
        number,
    )
    return {row["alert_type"]: row["status"] for row in found}


async def ended(cluster: Cluster) -> None:
    """Waits until a call has ended."""
    await eventually(lambda: rows(cluster, "SELECT FROM active_calls WHERE status = 'ended'"), bool)


def sent(stage: Stage, number: str) -> list[str]:
    """The messages to a number."""
    return [message.body for message in stage.stand_in.messages if message.to_number == number]


def rung(stage: Stage, number: str) -> list[str]:
    """The TwiML of the calls that were asked for to a number."""
    return [
        request.params["Twiml"][0]
        for request in stage.stand_in.requests
        if request.method == "POST" and request.path.endswith("/Calls.json")
        if request.params["To"] == (number,)
    ]


def code_to(stage: Stage, number: str, caller: str) -> str:
    """The code in the alert about a caller."""
    (body,) = [body for body in sent(stage, number) if caller in re.sub("[ -]", "", body) and "ALERT" in body]
    return body[-6:]


async def reply(stage: Stage, number: str, text: str) -> Message:
    """A contact writes back; comes back once the webhook was answered."""
    return await stage.stand_in.receive_sms(number, TWILIO, text)
