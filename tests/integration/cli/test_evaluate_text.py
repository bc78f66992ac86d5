"""`callguard evaluate text` as a person runs it."""

import json
from pathlib import Path

import pytest

from callguard.errors import ProtocolError
from callguard.evaluation.dialogues import read_dialogues
from tests.integration.cli.conftest import Shell, inside, write

SCAM = (
    '{"id": "s", "lang": "en", "label": "scam", "type": "bank", "split": "%s", "telling_turn": 0, "turns": '
    '[{"speaker": "caller", "text": "this is the fraud department there is an arrest warrant buy gift cards '
    'now and do not tell anyone"}]}'
)
BENIGN = (
    '{"id": "b", "lang": "fr", "label": "benign", "turns": [{"speaker": "caller", "text": "bonjour mamie"}]}'
)


async def test_figures_come_out_as_tables_json_and_a_page(shell: Shell) -> None:
    write(shell.folder, "set.jsonl", [SCAM % "validation", SCAM % "train", BENIGN])
    ended = await shell.run(
        "evaluate",
        "text",
        "set.jsonl",
        "--split",
        "validation",
        "--json",
        "--html",
        "report.html",
        "--jobs",
        "2",
    )
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert (told["scams"], told["benign"], told["left_out"], told["threshold"]) == (1, 1, 1, 60)
    rows = {row["name"]: row for row in told["models"][0]["rows"]}
    assert rows["en"]["recall"]["count"] == 1
    assert rows["en"]["median_turn"] == 1
    assert rows["fr"]["false_alarms_plain"]["of"] == 1
    page = (shell.folder / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "arrest warrant" not in page, "a report names calls, not their words"
    assert ended.err == "Report: report.html\n"


def test_two_models_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "set.jsonl", [SCAM % "validation", SCAM % "train", BENIGN])
    both = ("--model", "lexicon", "--model", "lexicon")
    tables = inside(monkeypatch, tmp_path, "evaluate", "text", "set.jsonl", *both)
    assert tables.status == 0, tables.err
    assert "2 scams and 1 honest calls" in tables.out
    assert "McNemar's test: p = 1" in tables.out
    assert "no lexicon fr" in tables.out or "fr-" in tables.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "can't be read (FileNotFoundError). [PROTOCOL]"),
        (["set.jsonl", "--model", "oracle"], "There is no model 'oracle'"),
        (["set.jsonl", "--split", "validation"], "All 1 dialogues are of another split"),
        (["set.jsonl", "--html", "nowhere/report.html"], "The report can't be written"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    write(tmp_path, "set.jsonl", [SCAM % "train"])
    ended = inside(monkeypatch, tmp_path, "evaluate", "text", *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not ended.out


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([BENIGN, "{"], "Line 2 of"),
        ([BENIGN, "", "[]"], "Line 3 of"),
        (['{"id": "x", "turns": []}'], "has no words"),
        ([BENIGN.replace("benign", "fine")], "Line 1 of"),
        ([BENIGN.replace('"label": "benign", ', "")], "has no `label`"),
        ([BENIGN.replace('"caller"', '"agent"')], "Line 1 of"),
        ([BENIGN.replace('"turns"', '"hard": "very", "turns"')], "Line 1 of"),
        ([""], "is empty"),
    ],
)
def test_a_wrong_line_is_named_and_not_repeated(tmp_path: Path, lines: list[str], said: str) -> None:
    write(tmp_path, "set.jsonl", lines)
    with pytest.raises(ProtocolError) as caught:
        read_dialogues(tmp_path / "set.jsonl", labelled=True)
    assert said in str(caught.value)
    assert "mamie" not in str(caught.value)


def test_a_separator_within_words_ends_no_line(tmp_path: Path) -> None:
    write(tmp_path, "set.jsonl", [BENIGN.replace("bonjour ", "bonjour\u2028")])
    assert len(read_dialogues(tmp_path / "set.jsonl")) == 1
