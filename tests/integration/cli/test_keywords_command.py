"""`callguard keywords` and `callguard evaluate keywords`: an operator changes what wakes, and measures it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from callguard.cli.main import app
from callguard.db.pool import Database
from callguard.errors import KeywordsError
from callguard.local.postgres import Cluster
from tests.integration.population import household

FILE = 'language = "en"\n\n[[group]]\ntactic = "payment"\nphrases = ["Gift Card", "rhubarb*"]\n'
CALLS: list[tuple[str, dict[str, object], list[str]]] = [
    ("a", {"label": "scam", "telling_turn": 0}, ["send rhubarbs"]),
    ("b", {"label": "scam", "telling_turn": 0}, ["hello", "rhubarb"]),
    ("c", {"label": "benign"}, ["hello there"]),
    ("d", {"label": "benign", "hard": True}, ["a gift", "card"]),
]


@pytest.fixture
def callguard(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[Result]]:
    """Runs the command in this process; in a thread, since it has a loop of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", cluster.owner_dsn)
    monkeypatch.setenv("DATABASE_APP_URL", cluster.app_dsn)
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_an_operator_changes_the_words_and_goes_back(
    callguard: Callable[..., Awaitable[Result]], database: Database, tmp_path: Path
) -> None:
    await household(database, keywords=())
    shown = (await callguard("keywords", "show")).stdout
    (tmp_path / "shipped.toml").write_text(shown, encoding="utf-8")
    assert (await callguard("keywords", "apply", "shipped.toml")).stdout == "Nothing to change.\n"

    (tmp_path / "own.toml").write_text(FILE, encoding="utf-8")
    for dry in (["--dry-run"], []):
        told = (await callguard("keywords", "apply", "own.toml", *dry)).stdout.splitlines()
        assert "+ rhubarb*" in told
        assert "- social security" in told
        assert "+ gift card" not in told, "it stands in the shipped one too"
    assert (await callguard("keywords", "apply", "own.toml")).stdout == "Nothing to change.\n"
    assert "rhubarb*" in (await callguard("keywords", "show")).stdout

    listed = (await callguard("keywords", "versions")).stdout.splitlines()
    assert listed[0].split()[:2] == ["*", "v1"]
    assert listed[1].split()[0].startswith("shipped-")
    assert "+ social security" in (await callguard("keywords", "restore", "shipped")).stdout
    assert (await callguard("keywords", "show")).stdout == shown
    assert "+ rhubarb*" in (await callguard("keywords", "restore", "v1", "--dry-run")).stdout
    assert (await callguard("keywords", "show")).stdout == shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["restore", "v9"], "KEYWORDS_NO_SUCH_VERSION"),
        (["show", "--language", "xx"], "KEYWORDS_NO_SUCH_LANGUAGE"),
        (["show", "--organisation", "Nobody"], "KEYWORDS_WHOSE"),
        (["apply", "missing.toml"], "KEYWORDS_UNREADABLE"),
    ],
)
async def test_what_cannot_be_done_is_told_with_a_code(
    arguments: list[str], code: str, callguard: Callable[..., Awaitable[Result]], database: Database
) -> None:
    await household(database, keywords=())
    refused = (await callguard("keywords", *arguments)).exception
    assert isinstance(refused, KeywordsError)
    assert refused.code == code


async def test_among_several_organisations_one_is_named(
    callguard: Callable[..., Awaitable[Result]], database: Database
) -> None:
    homes = [await household(database, number, keywords=("rhubarb",)) for number in (1, 2)]
    refused = (await callguard("keywords", "show")).exception
    assert isinstance(refused, KeywordsError)
    assert refused.code == "KEYWORDS_WHOSE"
    for whose in (["--organisation", "Household 2"], ["--tenant-id", str(homes[1].tenant_id)]):
        assert "rhubarb" in (await callguard("keywords", "show", *whose)).stdout


async def test_the_figures_of_a_catalogue(
    callguard: Callable[..., Awaitable[Result]], tmp_path: Path
) -> None:
    lines = [
        json.dumps({"id": name, "turns": [{"speaker": "caller", "text": text} for text in said]} | about)
        for name, about, said in CALLS
    ]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "own.toml").write_text(FILE, encoding="utf-8")
    told = await callguard("evaluate", "keywords", "calls.jsonl", "--catalogue", "own.toml", "--json")
    found = {(row["kind"], row["woken"], row["calls"]) for row in json.loads(told.stdout)}

    assert found == {
        ("scam, by the telling turn", 1, 2),
        ("honest, hard", 1, 1),
        ("honest, plain", 0, 1),
    }
    table = (await callguard("evaluate", "keywords", "calls.jsonl", "--catalogue", "own.toml")).stdout
    assert "0.095-0.905" in table
