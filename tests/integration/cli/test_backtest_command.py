"""`callguard backtest` as a person runs it: on files, and on stored calls, where it changes nothing."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callguard.cli.report_file import write_report
from callguard.db.pool import Database
from callguard.evaluation.stored import stored_calls
from callguard.local.postgres import Cluster
from tests.integration.cli.conftest import Shell, inside, write
from tests.integration.population import Household, hear, household, open_call, rows, words

SCAM = "this is the irs there is an arrest warrant for you buy gift cards now and do not tell anyone"


async def ended_call(cluster: Cluster, database: Database, home: Household, number: int, *said: str) -> str:
    call_id = await open_call(database, home, number)
    for sequence, text in enumerate(said, 2):
        await hear(database, home, call_id, words(number, sequence, text))
    await rows(cluster, "UPDATE active_calls SET status = 'ended', ended_at = now() WHERE id = $1", call_id)
    return str(call_id)


async def everything(cluster: Cluster) -> dict[str, object]:
    """A digest of each table's rows, with the transaction that wrote each."""
    tables = await rows(cluster, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    digest = "SELECT count(*), md5(string_agg(xmin::text || t::text, '' ORDER BY t::text)) FROM {} t"
    return {table["name"]: tuple(*await rows(cluster, digest.format(table["name"]))) for table in tables}


async def test_stored_calls_are_tried_with_consent_alone_and_nothing_is_sent(
    cluster: Cluster, database: Database, shell: Shell
) -> None:
    willing, unwilling = await household(database, 1), await household(database, 2)
    alerting = await ended_call(cluster, database, willing, 1, "hello margaret", SCAM)
    silent = await ended_call(cluster, database, willing, 2, "good afternoon, the secret recipe is ready")
    await ended_call(cluster, database, unwilling, 3, SCAM)
    live = await open_call(database, willing, 4)
    await hear(database, willing, live, words(4, 2, SCAM))
    await rows(cluster, "UPDATE users SET replay_calls = true WHERE id = $1", willing.user_id)
    before = await everything(cluster)
    assert before["work"] != (0, None), "the calls themselves left work behind"

    asked: list[str] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("connected")
        writer.close()

    outside = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{outside.sockets[0].getsockname()[1]}"
    environment = {
        "DATABASE_URL": cluster.owner_dsn,
        "DATABASE_APP_URL": cluster.app_dsn,
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": url,
        "TWILIO_API_URL": url,
    }
    said = ['language = "en"', "[[group]]", 'tactic = "payment"', 'phrases = ["secret recipe"]']
    write(shell.folder, "keywords.toml", said)
    async with outside:
        ended = await shell.run(
            "backtest", "--keywords", "keywords.toml", "--json", "--html", "report.html", **environment
        )
    since = await stored_calls(database, datetime(2999, 1, 1, tzinfo=UTC))
    assert ended.status == 0, ended.err

    told = json.loads(ended.out)
    assert (told["source"], told["calls"], told["without_consent"]) == ("stored calls", 2, 1)
    changed = {line["id"]: line for line in told["changed"]}
    assert changed[alerting]["change"] == "no longer alerts"
    assert changed[alerting]["before"]["alert_turn"] == 1, "two results of one speaker are one turn"
    assert changed[silent]["change"] == "newly woken"
    assert changed[silent]["at"] is not None
    for report in (ended.out, (shell.folder / "report.html").read_text()):
        assert "recipe is ready" not in report
        assert "arrest warrant" not in report
    assert since.calls == ()
    assert asked == []
    assert await everything(cluster) == before


def test_bundled_calls_and_files_need_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    turn = '{"speaker": "caller", "text": "%s"}'
    write(tmp_path, "calls.jsonl", ['{"id": "mine", "turns": [' + turn % SCAM + "]}"])
    write(tmp_path, "policy.toml", ['wake = "local_always"', "warning_from = 99", "danger_from = 100"])
    told = ("calls.jsonl", "--policy", "policy.toml", "--show-words")
    ended = inside(monkeypatch, tmp_path, "backtest", "--bundled", *told)
    assert ended.status == 0, ended.err
    assert "11 calls (dialogues), tried again offline. Nobody was alerted." in ended.out
    assert f"caller: {SCAM}" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bundled"], "Say what to try"),
        (["--bundled", "--model", "oracle"], "There is no model 'oracle'"),
        (["--bundled", "--policy", "never"], "The policy must be after_keyword, local_always, always"),
        (["--bundled", "--policy", "wrong.toml"], "danger not below warning"),
        (["--bundled", "--keywords", "wrong.toml"], "The keyword file is wrong"),
        (["missing.jsonl", "--policy", "always"], "can't be read"),
        (["--bundled", "--since", "2026-01-01", "--policy", "always"], "--since is of stored calls"),
    ],
)
def test_what_is_wrong_with_a_backtest_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    write(tmp_path, "wrong.toml", ["warning_from = 90", "danger_from = 80"])
    ended = inside(monkeypatch, tmp_path, "backtest", *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_report_can_be_opened_by_whoever_wrote_it_alone(tmp_path: Path) -> None:
    """Reports of stored calls are personal: see `write_report`."""
    write_report(tmp_path / "report.html", "<p>")
    assert (tmp_path / "report.html").stat().st_mode & 0o077 == 0
