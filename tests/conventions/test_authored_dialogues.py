"""The dialogues that teach and measure the local scorer keep to their form, and no two are nearly one."""

from collections import defaultdict

import pytest

from callguard.domain.signals import FraudType, Tactic
from tests.conventions.project import ROOT
from training.dialogue_counts import TEXTS, Dialogue, closest, nearest, read, read_file

LANGUAGES = ("en", "es", "fr", "de", "pt")
LEAST = 80
NEAR_COPY = 0.5
INJECTIONS = ROOT / "tests" / "data" / "spoken_injections"


@pytest.fixture(params=LANGUAGES)
def written(request: pytest.FixtureRequest) -> list[Dialogue]:
    return read(TEXTS / request.param)


def test_each_keeps_to_the_form(written: list[Dialogue]) -> None:
    assert {dialogue["split"] for dialogue in written} == {"train", "validation"}
    _keep_to_the_form(written)


def _keep_to_the_form(written: list[Dialogue]) -> None:
    for dialogue in written:
        scam = dialogue["label"] == "scam"
        turns = dialogue["turns"]
        assert scam or dialogue["label"] == "benign", dialogue["id"]
        assert 8 <= len(turns) <= 20, dialogue["id"]
        assert (dialogue["type"] in set(FraudType)) is scam, dialogue["id"]
        assert (dialogue["telling_turn"] is not None) is scam, dialogue["id"]
        assert not scam or 0 <= dialogue["telling_turn"] < len(turns), dialogue["id"]
        for turn in turns:
            assert turn["speaker"] in {"caller", "callee"}, dialogue["id"]
            assert turn["text"].strip(), dialogue["id"]
            assert set(turn["tactics"]) <= {*Tactic, "reassurance"}, dialogue["id"]
            assert turn["speaker"] == "caller" or not turn["tactics"], dialogue["id"]
            assert not (scam and "reassurance" in turn["tactics"]), dialogue["id"]


def test_there_are_enough_of_each_kind(written: list[Dialogue]) -> None:
    for label in ("scam", "benign"):
        of_label = [d for d in written if d["label"] == label]
        assert len(of_label) >= LEAST
        assert sum(d["hard"] for d in of_label) >= LEAST / 2
        assert sum(d["injection"] for d in of_label) >= 8
        assert sum(d["split"] == "validation" for d in of_label) >= LEAST / 4
    assert {d["type"] for d in written if d["label"] == "scam"} == set(FraudType)


def test_ids_are_unique_and_scenarios_and_pairs_are_wholly_in_one_split(written: list[Dialogue]) -> None:
    assert len({d["id"] for d in written}) == len(written)
    splits, labels = defaultdict(set), defaultdict(list)
    for dialogue in written:
        splits["scenario", dialogue["scenario"]].add(dialogue["split"])
        if dialogue["pair"]:
            splits["pair", dialogue["pair"]].add(dialogue["split"])
            labels[dialogue["pair"]].append(dialogue["label"])
    assert [name for name, found in splits.items() if len(found) > 1] == []
    assert [pair for pair, found in labels.items() if sorted(found) != ["benign", "scam"]] == []


def test_no_two_are_nearly_the_same(written: list[Dialogue]) -> None:
    assert closest(written) < NEAR_COPY


@pytest.mark.parametrize("language", LANGUAGES)
def test_spoken_injections_keep_to_the_form_and_are_nobodys_copies(language: str) -> None:
    injected = read_file(INJECTIONS / f"{language}.jsonl")
    _keep_to_the_form(injected)
    assert len({d["id"] for d in injected}) == len({d["scenario"] for d in injected}) == len(injected) == 8
    assert sum(d["hard"] for d in injected) == 4
    assert len({d["type"] for d in injected}) >= 6
    for dialogue in injected:
        assert (dialogue["label"], dialogue["split"], dialogue["injection"]) == ("scam", "test", True)
        assert dialogue["lang"] == language
        assert len(dialogue["turns"]) <= 16
    learnt = read(TEXTS / language)
    assert not {d["scenario"] for d in learnt} & {d["scenario"] for d in injected}
    assert closest(injected) < NEAR_COPY
    assert nearest(injected, learnt) < NEAR_COPY
