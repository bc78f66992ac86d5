"""What is stored with a verdict, and what stands over what was measured."""

import json
import math
from uuid import UUID

import pytest

from callguard.config import Settings
from callguard.db.pool import Row
from callguard.domain.transcript import Speaker
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage, in_process
from tests.integration.alerting.alarm import ANNA, scam, sent
from tests.integration.population import connected, rows, value
from tests.stand_ins.openai import serve_openai

RING = Ring("+12025550199", "B")
DOUBTFUL = [
    (Speaker.CALLER, "good afternoon this is about your bank account could you help me with something"),
    (Speaker.CALLEE, "well what is it about"),
    (Speaker.CALLER, "only a question about the letter that we sent"),
    (Speaker.CALLEE, "i have not seen one"),
]
VERDICTS = "SELECT * FROM fraud_analyses ORDER BY created_at"


async def verdicts(cluster: Cluster) -> list[Row]:
    return await rows(cluster, VERDICTS)


async def test_a_verdict_holds_what_explains_it_in_a_year(stage: Stage, cluster: Cluster) -> None:
    async def nothing(_call_sid: str) -> None: ...

    await scam(stage, nothing)

    for row in await verdicts(cluster):
        signals = json.loads(row["contributions"])
        assert sum(part["points"] for part in signals) == row["measured_score"]
        assert {part["signal"] for part in signals} >= {
            "local_scorer", "llm", "attestation", "claimed_identity", "deepfake", "known_voice",
        }  # fmt: skip
        assert len(row["turn_times"]) == len(row["full_transcript"].splitlines()) == row["turns_heard"]
        assert list(row["turn_times"]) == sorted(row["turn_times"])
        assert (row["language"], row["language_switched_from"], row["answer"]) == ("en", None, None)
        versions = json.loads(row["versions"])
        assert versions["callguard"]
        assert versions["scorer"]
        assert set(versions) == {"callguard", "scorer", "llm", "prompt", "catalogue", "policy"}


async def test_the_judges_opinion_does_not_come_and_go(settings: Settings, cluster: Cluster) -> None:
    """Each result is looked at by the scorer first, and what the judge found stands."""
    async with serve_openai() as llm:
        with_judge = settings.model_copy(update={"openai_base_url": llm.base_url})
        async with in_process(with_judge, speed=math.inf) as stage:
            dialogue = stage.simulator.dialogue(DOUBTFUL, "en", stepwise=True)
            report = await stage.simulator.place("doubtful", dialogue, RING)
    found = await verdicts(cluster)
    stood = [row["fraud_score"] for row in found]
    measured = [row["measured_score"] for row in found]

    assert report.risk == max(measured) >= 60
    assert stood == sorted(stood)
    assert json.loads(found[-1]["versions"])["scorer"]


async def answer_about(cluster: Cluster, call_sid: str, answer: str) -> None:
    """What the person whom the caller claims to be said, as it is stored, and another look at the call."""
    async with connected(cluster.owner_dsn) as connection:
        await connection.execute(
            "UPDATE active_calls SET claimed_identity_answer = $2 WHERE call_sid = $1", call_sid, answer
        )


@pytest.mark.parametrize(("answer", "verdict"), [("yes", "UNSURE"), ("proven", "SAFE")])
async def test_a_relative_who_says_yes_lowers_what_stands(
    stage: Stage, cluster: Cluster, answer: str, verdict: str
) -> None:
    async def says(call_sid: str) -> None:
        await answer_about(cluster, call_sid, answer)

    await scam(stage, says)
    before, after = (await verdicts(cluster))[0], (await verdicts(cluster))[-1]

    assert (before["verdict"], before["answer"]) != (after["verdict"], after["answer"])
    assert (after["verdict"], after["answer"]) == (verdict, answer)
    assert after["measured_score"] >= 80
    (call,) = await rows(cluster, "SELECT id, tenant_id FROM active_calls")
    assert await standing(stage, call) == verdict


async def standing(stage: Stage, call: Row) -> str:
    """What the dashboard shows."""
    assert stage.services is not None
    async with stage.services.database.tenant(call["tenant_id"]) as session:
        row = await session.row("analyses.standing", call["tenant_id"], [UUID(str(call["id"]))])
    assert row is not None
    return str(row["verdict"])


async def test_a_relative_who_says_no_makes_it_a_scam(stage: Stage, cluster: Cluster) -> None:
    async def after_turn(call_sid: str, turn: int) -> None:
        await stage.simulator.settle(call_sid)
        if turn == 1:
            await answer_about(cluster, call_sid, "no")

    conversation = stage.simulator.dialogue(DOUBTFUL, "en", stepwise=True)
    conversation = type(conversation)(conversation.turns, after_turn)
    report = await stage.simulator.place("doubtful", conversation, RING)

    assert (report.verdict, report.alert_level) == ("SCAM", "danger")
    assert sent(stage, ANNA)
    last = (await verdicts(cluster))[-1]
    assert (last["answer"], last["measured_score"] < 60) == ("no", True)


async def test_safe_is_stored_with_the_verdict_and_changes_no_score(stage: Stage, cluster: Cluster) -> None:
    async def safe(call_sid: str) -> None:
        async with connected(cluster.owner_dsn) as connection:
            await connection.execute("UPDATE active_calls SET safe_at = now() WHERE call_sid = $1", call_sid)

    await scam(stage, safe)
    last = (await verdicts(cluster))[-1]

    assert (last["answer"], last["verdict"]) == ("safe", "SCAM")
    assert await value(cluster, "SELECT count(*) FROM alerts WHERE level = 'danger'") != 0


async def test_a_leg_is_not_ended_by_what_stands_from_before(stage: Stage, cluster: Cluster) -> None:
    """Above 90 only stands; what is measured is lower by now."""

    async def after_turn(call_sid: str, turn: int) -> None:
        if turn == 1:
            async with connected(cluster.owner_dsn) as connection:
                await connection.execute("UPDATE users SET ladder_end = true, ladder_whisper = true")
                await connection.execute(
                    "UPDATE active_calls SET steady = $2 WHERE call_sid = $1",
                    call_sid,
                    json.dumps({"risk": 99, "highest": 99}),
                )
        await stage.simulator.settle(call_sid)

    alarming = "this is the social security administration there is a warrant for your arrest do not hang up"
    turns = [(Speaker.CALLEE, "hello this is margaret"), (Speaker.CALLER, alarming)]
    conversation = stage.simulator.dialogue(turns, "en", stepwise=True)
    conversation = type(conversation)(conversation.turns, after_turn)
    report = await stage.simulator.place("held", conversation, RING)
    last = (await verdicts(cluster))[-1]

    assert (last["fraud_score"], report.risk) == (99, 99)
    assert 60 <= last["measured_score"] <= 90
    assert {step.step for step in report.steps} == {"whisper"}
