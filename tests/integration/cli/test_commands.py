"""The commands that end by themselves."""

import json
from importlib.metadata import version

import pytest

from tests.integration.cli.conftest import Shell, write

SCAM = json.dumps(
    {
        "id": "scam-1",
        "lang": "en",
        "label": "scam",
        "turns": [
            {"speaker": "callee", "text": "hello"},
            {
                "speaker": "caller",
                "text": "this is the social security administration there is a warrant for your arrest",
            },
            {"speaker": "caller", "text": "do not tell anyone and buy gift cards right now stay on the line"},
        ],
    }
)
BENIGN = json.dumps(
    {
        "id": "benign-1",
        "lang": "en",
        "turns": [{"speaker": "caller", "text": "hi mom are you coming on sunday"}],
    }
)
REPORTED = {
    "id", "call_sid", "verdict", "risk", "fraud_type", "keywords", "alerted", "alert_level", "alert_turn",
    "steps", "keyword_to_alert_ms", "first_keyword_to_alert_ms", "transcript", "voice",
}  # fmt: skip


async def test_version(shell: Shell) -> None:
    ended = await shell.run("--version")
    assert (ended.status, ended.out) == (0, f"callguard {version('callguard')}\n")


async def test_dialogues_come_out_as_one_json_line_a_call_in_their_order(shell: Shell) -> None:
    write(shell.folder, "calls.jsonl", [SCAM, "", BENIGN])
    ended = await shell.run("simulate", "--dialogue", "calls.jsonl", "--speed", "max")

    assert ended.status == 0, ended.err
    scam, benign = map(json.loads, ended.out.splitlines())
    assert set(scam) == set(benign) == REPORTED
    assert (scam["id"], scam["verdict"], scam["alerted"], scam["alert_level"]) == (
        "scam-1",
        "SCAM",
        True,
        "danger",
    )
    assert (benign["id"], benign["verdict"], benign["risk"], benign["alerted"]) == (
        "benign-1",
        "SAFE",
        0,
        False,
    )


async def test_migrate_says_what_it_did(shell: Shell) -> None:
    assert "applied 0001_first_light" in (await shell.run("migrate")).out
    assert (await shell.run("migrate")).out == "The database is up to date.\n"


async def test_check_tells_what_is_missing_and_what_to_do(shell: Shell) -> None:
    ended = await shell.run("check", COLUMNS="200")
    assert ended.status == 1
    assert "callguard migrate" in ended.out
    assert (await shell.run("migrate")).status == 0
    ended = await shell.run("check", COLUMNS="200")
    assert ended.status == 0, ended.out
    for part in (
        "data folder",
        "database",
        "server",
        "telephone",
        "notices",
        "LLM judge",
        "local speech recognition",
    ):
        assert part in ended.out
    assert "local mode" in ended.out


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["simulate"], {}, "--audio or --dialogue"),
        (["simulate", "--dialogue", "missing.jsonl"], {}, "can't be read"),
        (["simulate", "--dialogue", "broken.jsonl"], {}, "Line 2"),
        (["simulate", "--dialogue", "empty.jsonl"], {}, "is empty"),
        (["simulate", "--audio", "missing.wav"], {}, "AUDIO_NOT_FOUND"),
        (["simulate", "--audio", "broken.jsonl"], {}, "AUDIO_NOT_WAV"),
        (["simulate", "--dialogue", "good.jsonl", "--speed", "fast"], {}, "--speed"),
        (["simulate", "--dialogue", "good.jsonl", "--speed", "-1"], {}, "--speed"),
        (["simulate", "--dialogue", "good.jsonl", "--callee", "x.wav"], {}, "--callee goes with --audio"),
        (["simulate", "--audio", "x.wav", "--lang", "de"], {}, "recognition model"),
        (["simulate", "--audio", "x.wav", "--speed", "max"], {}, "--speed"),
        (["serve"], {"DATABASE_URL": "postgresql://u:secret@db.example.org:6543/x"}, "6543"),
        (["serve", "--port", "0"], {"CALLGUARD_MASTER_KEY": "too short"}, "CALLGUARD_MASTER_KEY"),
        (["serve"], {"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_AUTH_TOKEN"),
        (["migrate"], {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "DATABASE_UNAVAILABLE"),
        (
            ["simulate", "--dialogue", "good.jsonl", "--server", "http://127.0.0.1:1"],
            {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t"},
            "Twilio account is configured",
        ),
    ],
)
async def test_what_can_not_work_is_told_in_one_line(
    shell: Shell, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    write(shell.folder, "good.jsonl", [BENIGN])
    write(shell.folder, "broken.jsonl", [BENIGN, '{"id": 1'])
    write(shell.folder, "empty.jsonl", [""])
    ended = await shell.run(*arguments, **environment)

    assert ended.status == 2
    assert ended.out == ""
    last = ended.err.strip().splitlines()[-1]
    assert last.startswith("callguard: ")
    assert told in last
    assert "secret" not in ended.err
    assert "Traceback" not in ended.err


async def test_a_simulation_leaves_nothing_behind(shell: Shell) -> None:
    write(shell.folder, "calls.jsonl", [BENIGN])
    await shell.run("simulate", "--dialogue", "calls.jsonl", "--speed", "max")
    kept = {path.name for path in shell.data_dir.iterdir()}
    assert "spool" not in kept
