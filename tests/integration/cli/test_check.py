"""`callguard check` with a Twilio account: what each number does, and what to do about it."""

import pytest

from callguard.local.family import DEMO_FAMILY
from callguard.local.twilio import Account, PhoneBook, PhoneNumber, TwilioStandIn
from tests.integration.cli.conftest import Shell

ACCOUNT = Account(sid=f"AC{'5' * 32}", auth_token="7" * 32)
BASE = "https://calls.example.org"
HERE = f"{BASE}/incoming-call"


@pytest.mark.promise("F1")
@pytest.mark.parametrize(
    ("voice_url", "fallback", "status", "told"),
    [
        (f"{HERE}#rc=2", "https://fallback.example.org/dial.xml", "ok", "1 of 1 numbers come here"),
        (HERE, "", "note", "static TwiML"),
        ("https://elsewhere.example.org", "", "wrong", f"Set the number's voice webhook to {HERE}"),
    ],
)
async def test_the_numbers_of_the_account(
    shell: Shell, voice_url: str, fallback: str, status: str, told: str
) -> None:
    number = PhoneNumber(DEMO_FAMILY.twilio_number, voice_url=voice_url, voice_fallback_url=fallback)
    async with TwilioStandIn(ACCOUNT, phone_book=PhoneBook(), numbers=[number]) as stand_in:
        ended = await shell.run(
            "check",
            TWILIO_ACCOUNT_SID=ACCOUNT.sid,
            TWILIO_AUTH_TOKEN=ACCOUNT.auth_token,
            TWILIO_API_URL=stand_in.url,
            PUBLIC_BASE_URL=BASE,
            COLUMNS="250",
        )
    line = next(line for line in ended.out.splitlines() if line.startswith("telephone"))
    assert line.split()[1] == status
    assert told in line
    assert ACCOUNT.auth_token not in ended.out + ended.err


async def test_an_account_that_refuses(shell: Shell) -> None:
    async with TwilioStandIn(ACCOUNT, phone_book=PhoneBook()) as stand_in:
        ended = await shell.run(
            "check",
            TWILIO_ACCOUNT_SID=ACCOUNT.sid,
            TWILIO_AUTH_TOKEN="wrong",
            TWILIO_API_URL=stand_in.url,
            COLUMNS="500",
        )
    assert ended.status == 1
    assert "code 20003" in ended.out


async def test_a_server_that_runs_is_seen(shell: Shell) -> None:
    async with shell.serving("--port", "0") as server:
        ended = await shell.run("check", PUBLIC_BASE_URL=server.url, OPENAI_API_KEY="x", COLUMNS="250")
    assert ended.status == 0, ended.out
    assert f"{server.url}: ok, database up" in ended.out
    assert "model gpt-4o-mini" in ended.out


async def test_a_broken_secrets_file_is_told(shell: Shell) -> None:
    (shell.data_dir / "secrets.json").write_text("{")
    ended = await shell.run("check", COLUMNS="250")
    assert ended.status == 1
    assert "restore the file" in ended.out


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({}, "the operator finds them on the dashboard alone"),
        ({"OPERATOR_EMAIL": "operator@example.org"}, "the operator finds them on the dashboard alone"),
        ({"OPERATOR_NUMBER": "+12025550197"}, "go to the operator by SMS"),
        (
            {
                "OPERATOR_EMAIL": "o@example.org",
                "SMTP_HOST": "localhost",
                "SMTP_FROM": "callguard@example.org",
            },
            "go to the operator by e-mail",
        ),
    ],
)
async def test_who_hears_of_notices(shell: Shell, environment: dict[str, str], seen: str) -> None:
    ended = await shell.run("check", COLUMNS="250", **environment)
    assert seen in ended.out
