"""How quickly one call gets through: the webhook answered, the analyzer woken, the message asked for.

Everything is real but the telephone network: signed webhooks over HTTP, the embedded Postgres, the trigger,
the worker, Twilio's SDK. Calls are placed by the stand-in without waiting, one at a time and then several
at once.

    python -m bench.call_path [--calls 100] [--at-once 8] [--json]
"""

import argparse
import asyncio
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

import aiohttp
import asyncpg
import uvloop
from twilio.request_validator import RequestValidator

from callguard.analysis.catalogue import shipped_catalogue
from callguard.config import Settings, load_settings
from callguard.domain.keywords import Matcher
from callguard.domain.transcript import Speaker
from callguard.domain.words import normalise
from callguard.local.family import DEMO_FAMILY
from callguard.local.stage import Stage, in_scratch
from callguard.local.twilio import CallPlan, CallRecord, Transcribed
from callguard.trust.logs import set_up_logs

DIALOGUE: Final = [
    (Speaker.CALLEE, "hello who is calling"),
    (
        Speaker.CALLER,
        "this is the social security administration there is a warrant for your arrest do not tell anyone "
        "about this call and pay the fine with gift cards right now",
    ),
    (Speaker.CALLEE, "oh my goodness"),
]


WHAT_FOLLOWED: Final = """
    SELECT c.call_sid, min(w.claimed_at) AS woken,
           (SELECT a.message_sid FROM alerts a WHERE a.call_id = c.id AND a.sent_at IS NOT NULL
            ORDER BY a.sent_at LIMIT 1) AS message_sid
    FROM active_calls c JOIN work w ON w.call_id = c.id AND w.kind = 'analyse'
    GROUP BY c.id"""


@dataclass(slots=True)
class Samples:
    """Milliseconds of each measured step."""

    webhook_to_twiml: list[float] = field(default_factory=list)
    webhook_to_wake_up: list[float] = field(default_factory=list)
    keyword_to_sms_request: list[float] = field(default_factory=list)


async def answer_calls(stage: Stage, calls: int, samples: Samples) -> None:
    """Rings one after the other: from the webhook's first byte sent to the TwiML's last one read."""
    assert stage.services is not None
    url = f"{stage.services.settings.base_url}/incoming-call"
    validator = RequestValidator(stage.services.keys.twilio_auth_token)
    async with aiohttp.ClientSession() as client:
        for number in range(calls):
            form = {"CallSid": f"CA{number:032x}", "From": "anonymous", "To": DEMO_FAMILY.twilio_number}
            signed = {"X-Twilio-Signature": validator.compute_signature(url, form)}
            begun = time.perf_counter()
            async with client.post(url, data=form, headers=signed) as reply:
                assert "<Conference" in await reply.text(), "the call was not bridged"
            samples.webhook_to_twiml.append((time.perf_counter() - begun) * 1000)
            await _hang_up(client, validator, stage.services.settings.base_url, form["CallSid"])


async def _hang_up(
    client: aiohttp.ClientSession, validator: RequestValidator, base_url: str, call_sid: str
) -> None:
    """Or the call would be looked after while the other steps are measured."""
    url, form = f"{base_url}/call-status", {"CallSid": call_sid, "CallStatus": "completed"}
    async with client.post(
        url, data=form, headers={"X-Twilio-Signature": validator.compute_signature(url, form)}
    ) as reply:
        assert reply.status == 204, "the end of the call was not taken"


async def place_calls(stage: Stage, dsn: str, calls: int, at_once: int, samples: Samples) -> None:
    """Scam calls by their words, `at_once` of them side by side."""
    callers = asyncio.Queue[str]()
    for number in range(at_once):
        callers.put_nowait(f"+120255501{99 - number:02}")

    async def place() -> CallRecord:
        caller = await callers.get()
        conversation = stage.simulator.dialogue(DIALOGUE, "en", stepwise=True)
        record = await stage.stand_in.place_call(CallPlan(caller, DEMO_FAMILY.twilio_number, conversation))
        await stage.simulator.settle(record.call_sid)
        callers.put_nowait(caller)
        return record

    records = await asyncio.gather(*(place() for _ in range(calls)))
    seen = await _what_followed(dsn)
    asked = {message.sid: message.requested_at for message in stage.stand_in.messages}
    for record in records:
        first = next(heard for heard in record.of(Transcribed) if _has_keyword(heard.text))
        woken, message_sid = seen[record.call_sid]
        samples.webhook_to_wake_up.append((woken - first.wall).total_seconds() * 1000)
        samples.keyword_to_sms_request.append((asked[message_sid] - first.at) * 1000)


def _has_keyword(text: str) -> bool:
    return bool(Matcher(shipped_catalogue("en").phrases).heard(normalise(text)))


async def _what_followed(dsn: str) -> dict[str, tuple[datetime, str]]:
    """By call: when the analyzer first took it up, and the first message that left."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(WHAT_FOLLOWED)
    finally:
        await connection.close()
    return {row["call_sid"]: (row["woken"], row["message_sid"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Figure:
    """One step under one load."""

    step: str
    at_once: int
    count: int
    median_ms: float
    p99_ms: float


def figures(samples: Samples, at_once: int) -> list[Figure]:
    """Median and 99th percentile of each step that was measured."""
    return [
        Figure(step.replace("_", " "), at_once, len(values), statistics.median(values), p99(values))
        for step, values in asdict(samples).items()
        if values
    ]


def p99(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


async def measure(settings: Settings, calls: int, at_once: int) -> list[Figure]:
    """Everything, once, on a database of its own."""
    measured: list[Figure] = []
    async with in_scratch(settings, speed=math.inf) as stage:
        assert stage.services is not None
        url = stage.services.settings.database_url
        assert url is not None
        answered = Samples()
        await answer_calls(stage, calls, answered)
        measured += figures(answered, 1)
        for together in (1, at_once):
            samples = Samples()
            await place_calls(stage, url.get_secret_value(), calls, together, samples)
            measured += figures(samples, together)
    return measured


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    set_up_logs("error", "text")
    measured = uvloop.run(measure(load_settings(), wanted.calls, wanted.at_once))
    if wanted.json:
        print(json.dumps([asdict(figure) for figure in measured], indent=2))
        return
    print(f"{'step':26} {'calls at once':>13} {'n':>5} {'median ms':>10} {'p99 ms':>8}")
    for figure in measured:
        print(
            f"{figure.step:26} {figure.at_once:13} {figure.count:5} "
            f"{figure.median_ms:10.1f} {figure.p99_ms:8.1f}"
        )


if __name__ == "__main__":
    main()
