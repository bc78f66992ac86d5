"""The catalogues that ship with callguard, and keyword files."""

from pathlib import Path

import pytest

from callguard.analysis.catalogue import parse, read, shipped_catalogue, shipped_catalogues, write
from callguard.cli.evaluate_keywords import SCAM, shares, wakes
from callguard.domain import canary
from callguard.domain.keywords import LANGUAGES, MOST_HINTS, Language, Matcher
from callguard.domain.words import normalise
from callguard.errors import KeywordsError
from callguard.evaluation.dialogues import read_dialogues
from tests.conventions.project import ROOT
from tests.unit.analysis.dialogues import dialogues

MUST_WAKE = 0.97
ENGLISH = Matcher(shipped_catalogue("en").phrases)
FILE = """language = "de"

[[group]]
tactic = "payment"
phrases = ["Überweisung", "geschenk karte*"]
"""


@pytest.mark.parametrize(
    "phrase",
    ["social security", "bank account", "wire transfer", "gift card", "irs", "arrest warrant", "medicare"],
)
def test_the_first_seven_are_among_them(phrase: str) -> None:
    assert phrase in shipped_catalogue("en").phrases


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_one_within_twilios_limits_that_says_itself_again(language: Language) -> None:
    catalogue = shipped_catalogue(language)

    assert catalogue.language == language
    assert 200 <= len(catalogue.phrases) <= 700
    assert parse(write(catalogue)) == catalogue
    assert 100 <= len(catalogue.hints) <= MOST_HINTS
    assert all(len(hint) <= 100 and "," not in hint and "*" not in hint for hint in catalogue.hints)


def test_hints_are_spelled_as_people_spell_them() -> None:
    assert {"número de cuenta", "compañía eléctrica"} <= set(shipped_catalogue("es").hints)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nearly_every_authored_scam_wakes_by_the_telling_turn(language: str) -> None:
    files = sorted((ROOT / "training/text" / language).glob("*.jsonl"))
    found = {s.split: s for s in shares(d for f in files for d in read_dialogues(f)) if s.kind == SCAM}

    assert set(found) == {"train", "validation"}
    assert {split: s.share for split, s in found.items() if s.share < MUST_WAKE} == {}


def test_nearly_every_fraud_of_the_real_recordings_wakes() -> None:
    frauds = [dialogue for dialogue in dialogues() if dialogue.is_fraud]
    woken = [any(ENGLISH.heard(normalise(u.text)) for u in dialogue.utterances) for dialogue in frauds]

    assert sum(woken) >= MUST_WAKE * len(frauds)


@pytest.mark.parametrize(
    "text",
    [
        "see you on sunday",
        "i bought bread and milk",
        "the first bus was late",
        "happy birthday",
        "hi mom it is anna are you coming to lunch on sunday",
    ],
)
def test_small_talk_wakes_nothing(text: str) -> None:
    assert ENGLISH.heard(normalise(text)) == []


def test_a_turn_is_looked_at_with_the_end_of_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    said = '"turns": [{"speaker": "caller", "text": "now a gift"}, {"speaker": "callee", "text": "card"},'
    said += ' {"speaker": "caller", "text": "card please"}]'
    file.write_text(f'{{"id": "a", "telling_turn": 1, {said}}}\n{{"id": "b", "telling_turn": 2, {said}}}\n')

    assert [wakes(["gift card"], dialogue) for dialogue in read_dialogues(file)] == [False, True]


def test_the_canarys_phrase_wakes_whatever_a_catalogue_says() -> None:
    catalogue = parse(FILE)

    assert catalogue.phrases == ("uberweisung", "geschenk karte*", canary.phrase("de"))
    assert catalogue.hints == ("Überweisung",)
    assert all(Matcher(c.phrases).heard(canary.phrase(c.language)) for c in shipped_catalogues())


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("language = = 1", "KEYWORDS_NO_TOML", "line 1"),
        (FILE.replace('"de"', '"xx"'), "KEYWORDS", "$.language"),
        (FILE.replace('"payment"', '"gold"'), "KEYWORDS", "$.group[0].tactic"),
        (FILE.replace("phrases", "words"), "KEYWORDS", "words"),
        (FILE.replace('"Überweisung", "geschenk karte*"', ""), "KEYWORDS", "needs a phrase"),
        (FILE.replace("Überweisung", "!?"), "KEYWORDS", "has no words"),
        (FILE.replace("Überweisung", "*"), "KEYWORDS", "stands alone"),
        (FILE.replace("Überweisung", "ge*ld"), "KEYWORDS", "elsewhere than at the end"),
        (FILE.replace("Überweisung", "ab*"), "KEYWORDS", "fewer than 3 letters"),
        (FILE.replace("Überweisung", "a"), "KEYWORDS", "single letter"),
        (FILE.replace("Überweisung", "a b c1 d2 e3 f4 g5 h6 i7 j8"), "KEYWORDS", "longer than"),
        (FILE.replace("Überweisung", "geschenk  KARTE*"), "KEYWORDS", "stands there twice"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, code: str, told: str) -> None:
    (tmp_path / "keywords.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KeywordsError) as refused:
        read(tmp_path / "keywords.toml")

    assert refused.value.code == code
    assert told in refused.value.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeywordsError, match="FileNotFoundError") as refused:
        read(tmp_path / "none.toml")
    assert refused.value.code == "KEYWORDS_UNREADABLE"
