"""How early a call is judged: the person's policy, seen by what the judge is shown."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callguard.config import Settings
from callguard.db.pool import Database
from callguard.domain.analysis_policy import AnalysisPolicy, others_may_be_asked
from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import CallReport, Ring
from callguard.local.stage import in_process
from tests.integration.eventually import eventually
from tests.integration.population import publish, rows
from tests.stand_ins.openai import OpenAIStandIn, serve_openai

RING = Ring("+12025550199", "B")
CALL = "SELECT keyword_at, suspected_at, analysis_policy, catalogue_version FROM active_calls"
HARMLESS = [
    (Speaker.CALLER, "hi mom it is anna are you coming to lunch on sunday"),
    (Speaker.CALLEE, "of course i am what shall i bring"),
]
SCAM = [
    (Speaker.CALLER, "this is the social security administration there is a warrant for your arrest"),
    (Speaker.CALLER, "do not tell anyone and buy gift cards right now and read me the numbers"),
]

Words = list[tuple[Speaker, str]]


@asynccontextmanager
async def placed(
    settings: Settings,
    cluster: Cluster,
    database: Database,
    policy: AnalysisPolicy,
    said: Words,
    **more: bool,
) -> AsyncIterator[tuple[CallReport, OpenAIStandIn]]:
    """A call to the demo family's person under a policy; with `deaf` no keyword is in it."""
    async with serve_openai() as llm:
        with_judge = settings.model_copy(update={"openai_base_url": llm.base_url})
        async with in_process(with_judge, speed=math.inf) as stage:
            await rows(cluster, "UPDATE users SET analysis_policy = $1", policy)
            if more.get("deaf"):
                async with database.tenant(DEMO_FAMILY.tenant_id) as session:
                    await publish(session, DEMO_FAMILY.tenant_id, ["rhubarb"])
            conversation = stage.simulator.dialogue(said, "en", stepwise=True)
            yield await stage.simulator.place("call", conversation, RING), llm


async def verdicts(cluster: Cluster) -> int:
    return len(await rows(cluster, "SELECT id FROM fraud_analyses"))


async def test_after_keyword_nobody_judges_anything_before_one(
    settings: Settings, cluster: Cluster, database: Database
) -> None:
    async with placed(settings, cluster, database, AnalysisPolicy.AFTER_KEYWORD, SCAM, deaf=True) as (_, llm):
        assert llm.requests == []
    assert await verdicts(cluster) == 0
    assert await rows(cluster, "SELECT id FROM work WHERE kind IN ('analyse', 'judge')") == []
    [call] = await rows(cluster, CALL)
    assert (call["keyword_at"], call["suspected_at"], call["catalogue_version"]) == (None, None, None)


async def test_local_always_scores_at_home_and_asks_nobody_about_a_harmless_call(
    settings: Settings, cluster: Cluster, database: Database
) -> None:
    async with placed(settings, cluster, database, AnalysisPolicy.LOCAL_ALWAYS, HARMLESS) as (report, llm):
        assert (report.verdict, report.alerted, llm.requests) == ("SAFE", False, [])
    assert await verdicts(cluster) > 0
    [call] = await rows(cluster, CALL)
    assert (call["keyword_at"], call["suspected_at"]) == (None, None)
    assert call["analysis_policy"] == "local_always"


async def test_local_always_asks_others_once_the_local_scorer_suspects_something(
    settings: Settings, cluster: Cluster, database: Database
) -> None:
    policy = AnalysisPolicy.LOCAL_ALWAYS
    async with placed(settings, cluster, database, policy, SCAM, deaf=True) as (report, llm):
        assert report.alerted

        async def asked() -> int:
            return len(llm.requests)

        await eventually(asked, lambda count: count > 0)
    [call] = await rows(cluster, CALL)
    assert call["keyword_at"] is None
    assert call["suspected_at"] is not None


async def test_always_asks_from_the_first_words_on(
    settings: Settings, cluster: Cluster, database: Database
) -> None:
    async with placed(settings, cluster, database, AnalysisPolicy.ALWAYS, HARMLESS) as (_, llm):

        async def asked() -> int:
            return len(llm.requests)

        await eventually(asked, lambda count: count > 0)


@pytest.mark.parametrize("policy", AnalysisPolicy)
def test_a_keyword_or_a_suspicion_lets_others_be_asked_under_every_policy(policy: AnalysisPolicy) -> None:
    assert others_may_be_asked(policy, woken=True, suspected=False)
    assert others_may_be_asked(policy, woken=False, suspected=True)
    assert others_may_be_asked(policy, woken=False, suspected=False) is (policy is AnalysisPolicy.ALWAYS)
