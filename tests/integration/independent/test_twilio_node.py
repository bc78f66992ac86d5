"""Twilio's own SDK for Node.js against the stand-in: what it sends is taken, what it gets it understands."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local.stand_in_bench import ACCOUNT, CONTACT, TWILIO, Bench, bench, dialogue, plan
from tests.integration.twilio_contract import assert_accepted

SCRIPT = Path(__file__).with_name("twilio_node.cjs")
MODULES = Path(sys.prefix) / "node" / "node_modules"


async def _driven(b: Bench) -> Any:
    node = shutil.which("node")
    if node is None or not (MODULES / "twilio").is_dir():
        pytest.fail("The SDK for Node.js is not installed. Run: make node")
    environment = {
        "NODE_PATH": str(MODULES),
        "BASE_URL": b.stand_in.url,
        "RECEIVER": b.receiver.url,
        "ACCOUNT_SID": ACCOUNT.sid,
        "AUTH_TOKEN": ACCOUNT.auth_token,
        "TWILIO_NUMBER": TWILIO,
        "CONTACT": CONTACT,
    }
    child = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), env={"PATH": os.environ["PATH"]} | environment, stdout=PIPE, stderr=PIPE
    )
    out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_sdk_for_node_drives_a_call_its_conference_and_messages() -> None:
    async with bench() as b:
        b.receiver.answer("/hold", "<Response><Say>one moment</Say></Response>")
        seen: list[Any] = []

        async def drive(_call: str, _turn: int) -> None:
            seen.append(await _driven(b))

        await b.stand_in.place_call(plan(conversation=dialogue("one", "two", after_turn=drive)))
        await b.stand_in.settled()

        [told] = seen
        assert (told["conference"], told["names"]) == ("Family", ["caller", "person 0"])
        assert (told["muted"], told["held"], told["ended"]) == (True, True, "completed")
        assert (told["call"]["direction"], told["call"]["to"]) == ("outbound-api", CONTACT)
        assert told["found"] == [[told["message"], "Anna, call your mother", True]]
        assert told["refused"] == {"status": 400, "code": 21211}
        assert [(message.sid, message.to_number) for message in b.stand_in.messages] == [
            (told["message"], CONTACT)
        ]
        assert b.receiver.of("/leg", CallSid=told["call"]["sid"], CallStatus="completed")
        assert_accepted(b.stand_in.requests)
