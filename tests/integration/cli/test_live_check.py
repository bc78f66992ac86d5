"""`callguard check` beside a running server: test calls, and the numbers of the account."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from click.testing import Result
from typer.testing import CliRunner

from callguard.cli import live_check
from callguard.cli.main import app
from callguard.config import Settings
from callguard.errors import CanaryRefused
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import OnCall
from callguard.telephony.numbers import wanted_settings
from tests.integration.canary_bench import CANARY_NUMBER, at_home, canary_stage
from tests.integration.intake.wishes import SECOND, ways, wish
from tests.integration.test_canary import BY_DAY

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[Stage]:
    async with canary_stage(settings) as stage:
        yield stage


@pytest.fixture
def callguard(settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command in this process; in a thread, since it has a loop of its own."""
    monkeypatch.chdir(settings.data_dir.parent)
    for name, said in {
        "DATABASE_URL": cluster.owner_dsn,
        "DATABASE_APP_URL": cluster.app_dsn,
        "CALLGUARD_DATA_DIR": str(settings.data_dir),
        "CANARY_NUMBER": CANARY_NUMBER,
        "COLUMNS": "250",
    }.items():
        monkeypatch.setenv(name, said)
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_a_live_check_shows_every_stage_with_its_seconds(
    house: Stage, callguard: Command, cluster: Cluster
) -> None:
    await ways(cluster, ("second_number", SECOND))
    await wish(cluster, f"time_zone = '{BY_DAY}'")
    at_home(house, OnCall.FORWARDS_BACK)
    done = await callguard("check", "--live", "--person", "Margaret")
    assert done.exit_code == 0, done.output
    told = done.stdout.partition("Test call for Margaret")[2].splitlines()
    assert [line.partition(" s  ")[2] for line in told if " s  " in line] == [
        "placing the test call",
        "forwarding",
        "transcription",
        "keyword trigger",
        "analysis",
        "sending the SMS",
        "delivery of the SMS",
    ]
    assert told[-1].strip() == "✓ protection is on"

    at_home(house, OnCall.BUSY)
    failed = await callguard("check", "--live", "--json")
    assert failed.exit_code == 1
    [report] = json.loads(failed.stdout)
    assert (report["state"], report["failed_stage"], report["error_code"]) == ("failed", "arrived", "busy")
    assert report["is_test"] is True


async def test_a_live_check_that_can_not_be_made_says_why(
    house: Stage, callguard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.services is not None
    unknown = await callguard("check", "--live", "--person", "Nobody")
    assert isinstance(unknown.exception, CanaryRefused)
    monkeypatch.delenv("CANARY_NUMBER")
    without = await callguard("check", "--live")
    assert isinstance(without.exception, CanaryRefused)
    assert "CANARY_NUMBER" in without.exception.message


async def test_without_a_server_a_live_check_says_so(
    house: Stage, callguard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.services is not None
    monkeypatch.setattr(live_check, "NOBODY_SECONDS", 0.0)
    house.stand_in.faults.hang("POST", r"/Calls\.json$")
    done = await callguard("check", "--live")
    assert done.exit_code == 1
    assert "(NO_SERVER). Is `callguard serve` running?" in done.stdout


async def test_the_numbers_of_the_people_are_compared_and_set(
    house: Stage, callguard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "https://calls.example.org"
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", house.stand_in.account.sid)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", house.stand_in.account.auth_token)
    monkeypatch.setenv("TWILIO_API_URL", house.stand_in.url)
    monkeypatch.setenv("PUBLIC_BASE_URL", base)
    number = house.stand_in.numbers.find(DEMO_FAMILY.twilio_number)
    assert number is not None
    house.stand_in.add_number(replace(number, voice_fallback_url=f"{base}/down-with-it", sms_url=""))

    before = await callguard("check")
    assert before.exit_code == 1
    assert f'<Dial timeout="40"><Number>{DEMO_FAMILY.phone_number}</Number></Dial>' in before.stdout
    assert "wrong: voice_fallback_url is https://calls.example.org/down-with-it" in before.stdout
    assert f"wrong: sms_url is not set; it must be {base}/sms#ct=2000" in before.stdout
    assert "no call connects: there is no fallback" in before.stdout

    monkeypatch.setenv("FALLBACK_URL", "https://static.example.org/{number}.xml")
    await callguard("check", "--configure")
    number = house.stand_in.numbers.find(DEMO_FAMILY.twilio_number)
    assert number is not None
    wanted = wanted_settings(base, "https://static.example.org/%2B12025550100.xml")
    for field in wanted.__slots__:
        assert getattr(number, field) == getattr(wanted, field)
    after = await callguard("check")
    assert "wrong:" not in after.stdout.partition("+12025550100")[2]
    assert house.stand_in.account.auth_token not in before.output + after.output
