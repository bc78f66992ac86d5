"""The LLM judge in a whole call: asked after the local verdict, able to raise it, never in its way."""

import json
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callguard import worker
from callguard.analysis.judge import PROMPT_VERSION
from callguard.analysis.llm_book import use_of_all
from callguard.config import Settings
from callguard.domain import breaker
from callguard.domain.signals import SignalState
from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import CallPlan
from tests.integration.eventually import eventually
from tests.integration.population import rows
from tests.stand_ins.openai import HARMLESS_ANSWER, OpenAIStandIn, serve_openai

RING = Ring("+12025550199", "B")
# Words that wake the analyzer and leave the local scorer in doubt.
DOUBTFUL = [
    (Speaker.CALLER, "good afternoon this is about your bank account could you help me with something"),
    (Speaker.CALLEE, "well what is it about"),
]
SCAM = [
    (Speaker.CALLER, "this is the social security administration there is a warrant for your arrest"),
    (Speaker.CALLER, "do not tell anyone and buy gift cards right now and read me the numbers"),
]


@asynccontextmanager
async def judged(settings: Settings) -> AsyncIterator[tuple[Stage, OpenAIStandIn]]:
    async with serve_openai() as llm:
        with_judge = settings.model_copy(update={"openai_base_url": llm.base_url})
        async with in_process(with_judge, speed=math.inf) as stage:
            yield stage, llm


async def analyses(cluster: Cluster) -> list[dict[str, object]]:
    found = await rows(cluster, "SELECT fraud_score, llm_analysis FROM fraud_analyses ORDER BY created_at")
    return [{"risk": row["fraud_score"], **json.loads(row["llm_analysis"])} for row in found]


async def test_the_judge_raises_what_the_local_scorer_doubted_and_contacts_are_told(
    settings: Settings, cluster: Cluster
) -> None:
    async with judged(settings) as (stage, llm):
        report = await stage.simulator.place(
            "doubtful", stage.simulator.dialogue(DOUBTFUL, "en", stepwise=True), RING
        )
        assert report.alerted
        assert report.risk >= 60
        assert llm.requests
        assert len(stage.stand_in.messages) >= 1
        for message in stage.stand_in.messages:
            assert "numbers" not in message.body
    measured = [row for row in await analyses(cluster) if row["state"] == "measured"]
    assert measured
    assert {"claims", "asks", "quotations", "model", "prompt_version"} <= set(measured[0])


@pytest.mark.promise("F17", "F18")
@pytest.mark.parametrize(
    ("shape", "state", "reason"),
    [
        ("rate_limited_long", "queued for later", "rate_limited"),
        ("overloaded", "queued for later", "server_error"),
        ("unauthorised", "failed", "unauthorised"),
        ("quota_exhausted", "failed", "quota_exhausted"),
        ("refusal", "failed", "refused"),
        ("truncated", "failed", "truncated"),
        ("bad_json", "failed", "bad_output"),
    ],
)
async def test_a_judge_that_fails_leaves_the_local_verdict_and_says_so(
    settings: Settings, cluster: Cluster, shape: str, state: str, reason: str
) -> None:
    async with judged(settings) as (stage, llm):
        llm.play(shape)
        report = await stage.simulator.place(
            "scam", stage.simulator.dialogue(SCAM, "en", stepwise=False), RING
        )

        async def seen() -> list[dict[str, object]]:
            return [row for row in await analyses(cluster) if row["state"] == state]

        (shown, *_) = await eventually(seen, bool)
        assert f"({reason})" in str(shown["detail"])
        assert (report.verdict, report.alerted) == ("SCAM", True)
        assert {m.to_number for m in stage.stand_in.messages} == {
            r.phone_number for r in DEMO_FAMILY.relatives
        }
    (asked, *_) = await rows(cluster, "SELECT * FROM llm_requests")
    assert asked["outcome"] == reason


@pytest.mark.promise("F17")
async def test_while_the_judge_hangs_the_local_verdict_has_alerted_everybody(
    settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "DRAIN_SECONDS", 0.1)
    async with judged(settings) as (stage, llm):
        llm.play("hang")
        conversation = stage.simulator.dialogue(SCAM, "en", stepwise=False)
        await stage.stand_in.place_call(
            CallPlan(RING.from_number, DEMO_FAMILY.twilio_number, conversation, stir="B")
        )

        async def told() -> set[str]:
            return {message.to_number for message in stage.stand_in.messages} if llm.requests else set()

        await eventually(told, lambda so_far: len(so_far) == len(DEMO_FAMILY.relatives))
        assert {row["state"] for row in await analyses(cluster)} == {SignalState.NOT_AVAILABLE_YET}


@pytest.mark.promise("F18")
async def test_a_judge_out_of_breath_is_asked_again_later(
    settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "LONGEST_REST_SECONDS", 0.2)
    async with judged(settings) as (stage, llm):
        llm.play("rate_limited_long", "good")
        await stage.simulator.place("doubtful", stage.simulator.dialogue(DOUBTFUL, "en", stepwise=True), RING)

        async def states() -> set[object]:
            return {row["state"] for row in await analyses(cluster)}

        seen = await eventually(states, lambda seen: "measured" in seen)
        assert "queued for later" in seen
        assert len(llm.requests) == 2
    asked = await rows(cluster, "SELECT outcome FROM llm_requests ORDER BY id")
    assert [row["outcome"] for row in asked] == ["rate_limited", "answered"]


@pytest.mark.promise("A11")
async def test_a_chatty_call_is_judged_a_few_times_and_its_opinion_stands(
    settings: Settings, cluster: Cluster
) -> None:
    """Each result asks for an analysis; the judge is asked at the keyword and at new evidence."""
    chat = [(Speaker.CALLER, f"and then my neighbour told me number {n} of her stories") for n in range(12)]
    async with judged(settings) as (stage, llm):
        llm.answer = HARMLESS_ANSWER | {"risk": 20, "confidence": 0.5}
        talk = [*DOUBTFUL, *chat]
        await stage.simulator.place("chat", stage.simulator.dialogue(talk, "en", stepwise=True), RING)
        assert 1 <= len(llm.requests) <= 5
    found = await analyses(cluster)
    first = next(n for n, row in enumerate(found) if row["state"] == "measured")
    assert {row["state"] for row in found[first:]} == {"measured"}


async def test_a_question_is_written_down_with_its_time_tokens_and_cost_and_nothing_personal(
    settings: Settings, cluster: Cluster
) -> None:
    prices = {"llm_price_input": 0.15, "llm_price_output": 0.6}
    async with judged(settings.model_copy(update=prices)) as (stage, _):
        await stage.simulator.place("doubtful", stage.simulator.dialogue(DOUBTFUL, "en", stepwise=True), RING)
        used = await use_of_all(stage.database, days=1)
    (asked,) = await rows(cluster, "SELECT * FROM llm_requests")
    assert (asked["outcome"], asked["model"], asked["prompt_version"]) == (
        "answered",
        settings.openai_model,
        PROMPT_VERSION,
    )
    assert (asked["prompt_tokens"], asked["completion_tokens"]) == (1117, 146)
    assert asked["cost_micro_usd"] == round(1117 * 0.15 + 146 * 0.6)
    assert asked["ms"] > 0
    assert asked["call_id"] is not None
    personal = (RING.from_number, DEMO_FAMILY.person, DEMO_FAMILY.phone_number, "bank", "afternoon")
    assert not any(word in str(dict(asked)) for word in personal)
    assert [(use.organisation, use.questions, use.tokens) for use in used] == [(DEMO_FAMILY.name, 1, 1263)]


@pytest.mark.promise("A11")
@pytest.mark.parametrize(
    "limit",
    [
        {"llm_daily_tokens": 1263},
        {"llm_daily_usd": 0.0001, "llm_price_input": 0.15, "llm_price_output": 0.6},
    ],
)
async def test_a_spent_budget_asks_nothing_more_and_tells_the_operator_once(
    settings: Settings, cluster: Cluster, limit: dict[str, object]
) -> None:
    operator = {"operator_number": "+12025550160", "twilio_alert_number": DEMO_FAMILY.twilio_number}
    async with judged(settings.model_copy(update=limit | operator)) as (stage, llm):
        llm.answer = HARMLESS_ANSWER
        for name in ("first", "second", "third"):
            report = await stage.simulator.place(
                name, stage.simulator.dialogue(SCAM, "en", stepwise=True), RING
            )
            assert (report.verdict, report.alerted) == ("SCAM", True)
        assert len(llm.requests) == 1

        async def states() -> list[object]:
            return [row["state"] for row in await analyses(cluster)]

        assert "budget spent" in await states()
    told = await rows(cluster, "SELECT kind FROM notices WHERE kind = 'llm_budget_spent'")
    assert len(told) == 1
    asked = await rows(cluster, "SELECT outcome FROM llm_requests ORDER BY id")
    assert [row["outcome"] for row in asked] == ["answered", "budget_spent"]


async def test_what_leaves_names_nobody_and_carries_no_number(settings: Settings) -> None:
    told = [
        *DOUBTFUL,
        (Speaker.CALLEE, "ring me on 202 555 0110 or plus one two zero two five five five zero one two zero"),
        (Speaker.CALLEE, "four seven one one and the card is 4532 1101 2290 7764"),
        (Speaker.CALLER, "and your code please do not tell anyone read me the gift card numbers"),
    ]
    async with judged(settings) as (stage, llm):
        await stage.simulator.place("told", stage.simulator.dialogue(told, "en", stepwise=True), RING)

        async def sent() -> str:
            return "\n".join(m["content"] for r in llm.requests for m in r["messages"])

        everything = await eventually(sent, lambda text: "the card is [digits]" in text)
        headers = str(llm.headers)
    family = [DEMO_FAMILY.person, DEMO_FAMILY.email, *(r.name for r in DEMO_FAMILY.relatives)]
    numbers = [DEMO_FAMILY.phone_number, DEMO_FAMILY.twilio_number, RING.from_number]
    words = set(re.findall(r"\w+", everything + headers))
    assert not words & {part for text in family for part in re.findall(r"\w+", text)} - {"example", "com"}
    assert not [n for n in numbers if n[2:] in everything + headers]
    for leaked in ("0110", "4532", "7764", "seven one", "five five"):
        assert leaked not in everything


async def test_nothing_is_sent_to_the_judge_before_a_keyword(settings: Settings) -> None:
    async with judged(settings) as (stage, llm):
        harmless = [(Speaker.CALLER, "hi mom it is anna are you coming to lunch on sunday")]
        await stage.simulator.place("family", stage.simulator.dialogue(harmless, "en", stepwise=True), RING)
        assert llm.requests == []
