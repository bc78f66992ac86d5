"""Many phones ring in the same moment: how long each caller waits for its TwiML, and the person for the ring.

python -m bench.burst [--calls 500] [--json]
"""

import argparse
import asyncio
import json
import math
import statistics
import time
from dataclasses import asdict, dataclass

import aiohttp
import uvloop
from twilio.request_validator import RequestValidator

from callguard.config import Settings, load_settings
from callguard.local.family import DEMO_FAMILY
from callguard.local.stage import Stage, in_scratch
from callguard.trust.logs import set_up_logs

LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst. `put_through` callers wait in a conference; for others Twilio dials the person itself."""

    calls: int
    put_through: int
    dialled_directly: int
    median_ms: float
    p99_ms: float
    slowest_ms: float
    all_rung_s: float


async def burst(stage: Stage, calls: int) -> Burst:
    """Rings `calls` times at once; waits until the person was dialled for each that is put through."""
    assert stage.services is not None
    url = f"{stage.services.settings.base_url}/incoming-call"
    validator = RequestValidator(stage.services.keys.twilio_auth_token)

    async def ring(client: aiohttp.ClientSession, number: int) -> tuple[float, str]:
        form = {"CallSid": f"CA{number:032x}", "From": "anonymous", "To": DEMO_FAMILY.twilio_number}
        signed = {"X-Twilio-Signature": validator.compute_signature(url, form)}
        begun = time.perf_counter()
        async with client.post(url, data=form, headers=signed) as reply:
            twiml = await reply.text()
        return (time.perf_counter() - begun) * 1000, twiml

    begun = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        answers = await asyncio.gather(*(ring(client, number) for number in range(calls)))
    put_through = sum("<Conference" in twiml for _, twiml in answers)
    directly = sum("<Number" in twiml for _, twiml in answers)
    assert put_through + directly == calls, "a caller was not connected"
    while _rung(stage) < put_through:  # noqa: ASYNC110  # the stand-in's log tells nobody when it grows
        await asyncio.sleep(LOOK_SECONDS)
    waited = sorted(milliseconds for milliseconds, _ in answers)
    return Burst(
        calls=calls,
        put_through=put_through,
        dialled_directly=directly,
        median_ms=statistics.median(waited),
        p99_ms=waited[math.ceil(calls * 0.99) - 1],
        slowest_ms=waited[-1],
        all_rung_s=time.monotonic() - begun,
    )


def _rung(stage: Stage) -> int:
    asked = (r.path for r in stage.stand_in.requests if r.method == "POST")
    return len({path for path in asked if path.endswith("/Participants.json")})


async def measure(settings: Settings, calls: int) -> Burst:
    """On a database of its own."""
    async with in_scratch(settings, speed=math.inf) as stage:
        return await burst(stage, calls)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    set_up_logs("critical", "text")
    seen = uvloop.run(measure(load_settings(), wanted.calls))
    if wanted.json:
        print(json.dumps(asdict(seen), indent=2))
        return
    for name, value in asdict(seen).items():
        print(f"{name.replace('_', ' '):18} {value:10.1f}")


if __name__ == "__main__":
    main()
