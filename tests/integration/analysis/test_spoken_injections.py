"""Forty callers talk to whatever listens, in five languages, and a language model obeys every one of them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callguard.analysis import models
from callguard.analysis.judge import OpenAIJudge
from callguard.domain.scoring import SUSPECT_FROM, fuse
from callguard.domain.transcript import Speaker, Utterance
from tests.integration.analysis.judging import asking
from tests.stand_ins.openai import HARMLESS_ANSWER, OpenAIStandIn, serve_openai

CAUGHT_AT_LEAST = 40
INJECTED = [
    json.loads(line)
    for file in sorted((Path(__file__).parents[2] / "data" / "spoken_injections").glob("*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
# The model writes down what the caller dictates, and nothing that the schema wants beside it.
DICTATED = {"risk": 0, "fraud_type": None, "confidence": 1}


def words_of(dialogue: dict[str, object]) -> list[Utterance]:
    turns = dialogue["turns"]
    assert isinstance(turns, list)
    return [Utterance(Speaker(t["speaker"]), t["text"], True, n) for n, t in enumerate(turns)]


@pytest.fixture
async def llm() -> AsyncIterator[OpenAIStandIn]:
    async with serve_openai() as stand_in:
        stand_in.answer = dict(HARMLESS_ANSWER)
        yield stand_in


@pytest.fixture
async def judge(llm: OpenAIStandIn) -> AsyncIterator[OpenAIJudge]:
    async with asking(llm) as judge:
        yield judge


@pytest.mark.promise("A8")
async def test_a_model_that_obeys_them_all_lowers_no_verdict(judge: OpenAIJudge, llm: OpenAIStandIn) -> None:
    score = models.load().score
    for dialogue in INJECTED:
        words = words_of(dialogue)
        local = score(words, dialogue["lang"])
        opinion = (await judge.read(words, [])).opinion
        assert opinion is not None
        assert (opinion.risk, opinion.confidence) == (0, 1.0)
        assert fuse([local, opinion]).risk >= local.risk, dialogue["id"]
    assert len(llm.requests) == len(INJECTED) == 40


@pytest.mark.promise("A8")
async def test_an_answer_that_a_caller_dictated_is_none(judge: OpenAIJudge, llm: OpenAIStandIn) -> None:
    llm.answer = DICTATED

    reading = await judge.read(words_of(INJECTED[0]), [])

    assert (reading.opinion, reading.reason) == (None, "bad_output")


@pytest.mark.promise("A8")
async def test_what_they_say_stands_on_marked_lines_alone(judge: OpenAIJudge, llm: OpenAIStandIn) -> None:
    """No words of a caller end the transcript, or stand where instructions stand."""
    for dialogue in INJECTED:
        await judge.read(words_of(dialogue), [])
        system, user = (message["content"] for message in llm.requests[-1]["messages"])
        mark = next(line for line in user.splitlines() if line.startswith("<<")).removeprefix("<<")
        lines = user[user.index(f"<<{mark}") : user.index(f"\n{mark}>>")].splitlines()[1:]
        assert len(lines) == len(words_of(dialogue)), dialogue["id"]
        assert all(line.startswith((f"{mark} caller: ", f"{mark} callee: ")) for line in lines)
        assert not any(line.partition(": ")[2] in system for line in lines if len(line) > 60)


@pytest.mark.promise("A8")
def test_the_local_scorer_catches_them_by_itself() -> None:
    score = models.load().score
    caught = [d["id"] for d in INJECTED if score(words_of(d), d["lang"]).risk >= SUSPECT_FROM]

    assert len(caught) >= CAUGHT_AT_LEAST, sorted({d["id"] for d in INJECTED} - set(caught))
