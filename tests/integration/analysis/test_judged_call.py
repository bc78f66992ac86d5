"""The LLM judge in a whole call: asked after the local verdict, able to raise it, never in its way."""

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from callguard import worker
from callguard.config import Settings
from callguard.domain.signals import SignalState
from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import CallPlan
from tests.integration.eventually import eventually
from tests.stand_ins.openai import OpenAIStandIn, Step, serve_openai

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
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        rows = await connection.fetch(
            "SELECT fraud_score, llm_analysis FROM fraud_analyses ORDER BY created_at"
        )
    finally:
        await connection.close()
    return [{"risk": row["fraud_score"], **json.loads(row["llm_analysis"])} for row in rows]


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
async def test_a_judge_that_fails_leaves_the_local_verdict_and_says_so(
    settings: Settings, cluster: Cluster
) -> None:
    async with judged(settings) as (stage, llm):
        llm.retry_after = "60"  # longer than anybody waits: each attempt fails at once
        llm.play(Step.RATE_LIMITED)
        report = await stage.simulator.place(
            "scam", stage.simulator.dialogue(SCAM, "en", stepwise=False), RING
        )

        async def states() -> set[object]:
            return {row["state"] for row in await analyses(cluster)}

        assert "failed" in await eventually(states, lambda seen: "failed" in seen)
        assert (report.verdict, report.alerted) == ("SCAM", True)
        assert {m.to_number for m in stage.stand_in.messages} == {
            r.phone_number for r in DEMO_FAMILY.relatives
        }


@pytest.mark.promise("F17")
async def test_while_the_judge_hangs_the_local_verdict_has_alerted_everybody(
    settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "DRAIN_SECONDS", 0.1)
    async with judged(settings) as (stage, llm):
        llm.play(Step.STALL)
        conversation = stage.simulator.dialogue(SCAM, "en", stepwise=False)
        await stage.stand_in.place_call(
            CallPlan(RING.from_number, DEMO_FAMILY.twilio_number, conversation, stir="B")
        )

        async def told() -> set[str]:
            return {message.to_number for message in stage.stand_in.messages} if llm.requests else set()

        await eventually(told, lambda so_far: len(so_far) == len(DEMO_FAMILY.relatives))
        assert {row["state"] for row in await analyses(cluster)} == {SignalState.NOT_AVAILABLE_YET}


@pytest.mark.promise("F18")
async def test_a_judge_out_of_breath_is_asked_again_later(settings: Settings, cluster: Cluster) -> None:
    async with judged(settings) as (stage, llm):
        llm.retry_after = "60"
        llm.play(Step.RATE_LIMITED, Step.GOOD)
        await stage.simulator.place("doubtful", stage.simulator.dialogue(DOUBTFUL, "en", stepwise=True), RING)

        async def states() -> set[object]:
            return {row["state"] for row in await analyses(cluster)}

        await eventually(states, lambda seen: "measured" in seen)
        assert len(llm.requests) >= 2


async def test_nothing_is_sent_to_the_judge_before_a_keyword(settings: Settings) -> None:
    async with judged(settings) as (stage, llm):
        harmless = [(Speaker.CALLER, "hi mom it is anna are you coming to lunch on sunday")]
        await stage.simulator.place("family", stage.simulator.dialogue(harmless, "en", stepwise=True), RING)
        assert llm.requests == []
