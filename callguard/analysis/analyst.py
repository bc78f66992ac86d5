"""A keyword was heard: the words are assembled, scored and stored with what follows from them.

The local verdict comes first and alerts by itself. Where an LLM judge is set up it is asked afterwards, in
work of its own, and can only raise the risk.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from importlib.metadata import version
from uuid import UUID

from callguard.alerting.ladder import request_steps
from callguard.alerting.outbox import request_alerts
from callguard.analysis import opinions
from callguard.analysis.desk import JUDGE, NOT_SET_UP, JudgeDesk
from callguard.analysis.models import Scorer
from callguard.analysis.sources import beside_words
from callguard.canary import runs as canary
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alerts import Caps
from callguard.domain.analysis_policy import LOCAL_SUSPICION, AnalysisPolicy, others_may_be_asked
from callguard.domain.judging import heard
from callguard.domain.policy import Reason
from callguard.domain.scoring import Assessment, answered, fuse, stand_at
from callguard.domain.signals import (
    Attestation,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    PersonsAnswer,
    Signal,
    SignalName,
    SignalState,
)
from callguard.domain.steadiness import Steady, steadied
from callguard.domain.transcript import Utterance, as_text, turns
from callguard.intake.records import ANALYSE
from callguard.memory.book import Memory
from callguard.memory.feedback import ask_to_remember
from callguard.transcript import store as transcripts

__all__ = ["ANALYSE", "JUDGE", "Analyst"]

_NOT_YET = NotAvailable(
    SignalName.LLM,
    SignalState.NOT_AVAILABLE_YET,
    "The LLM judge is asked after a keyword or a suspicion, as the person wants it.",
)


class Analyst:
    """Handlers of the two kinds of work that end in a verdict."""

    def __init__(
        self,
        database: Database,
        scorer: Scorer,
        threads: Executor,
        desk: JudgeDesk | None,
        caps: Caps,
        memory: Memory,
    ) -> None:
        self._database = database
        self._memory = memory
        self._scorer = scorer
        self._threads = threads
        self._desk = desk
        self._caps = caps

    async def analyse(self, work: Work) -> None:
        """Scores what has been said so far, and asks for the judge where there is one."""
        desk = self._desk
        async with self._database.tenant(work.tenant_id) as session:
            call, words = await _heard(session, work)
            local = await self._score(words, call)
            allowed = await _others_may_be_asked(session, call, local)
            # An opinion that is being stored at this moment is waited for: this verdict would unsay it.
            await session.row("analyses.steady_of", work.call_id)
            if desk is None:
                llm: LlmOpinion | NotAvailable = NOT_SET_UP
            else:
                llm = await desk.standing(session, work.tenant_id, work.call_id) if allowed else _NOT_YET
            await self._conclude(session, work, call, words, local, llm)
            if desk is not None and allowed and call["decision_reason"] != Reason.CANARY:
                await desk.request(session, work.tenant_id, work.call_id, heard(words, local.risk))
            await queue.finish(session, work)

    async def judge(self, work: Work) -> None:
        """Asks the LLM. Its failure is stored, so that people see that the local verdict stands alone."""
        async with self._database.tenant(work.tenant_id) as session:
            call, words = await _heard(session, work)
            if self._desk is None:  # it was set up when the work was asked for
                await queue.finish(session, work)
                return
        local = await self._score(words, call)
        now = heard(words, local.risk)
        finding = await self._desk.ask(work, words, call["keywords"], now)
        async with self._database.tenant(work.tenant_id) as session:
            if finding is not None:
                await self._conclude(session, work, call, words, local, finding.llm)
            await self._desk.follow(session, work, finding, now)
            await queue.finish(session, work)

    async def _score(self, words: Sequence[Utterance], call: Row) -> LocalScore:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._scorer.score, words, call["language"])

    async def _conclude(
        self,
        session: Session,
        work: Work,
        call: Row,
        words: Sequence[Utterance],
        local: LocalScore,
        llm: LlmOpinion | NotAvailable,
    ) -> None:
        """Stores the verdict with what follows from it."""
        level = Attestation.of(call["stir_verstat"]).level
        history = await self._memory.history(session, work.tenant_id, call, words, level)
        signals: list[Signal] = [local, llm, history, *await beside_words(session, call, local)]
        assessment, answer = await _standing(session, work.call_id, signals, words)
        analysis_id = await _store(
            session, work, call, words, assessment, opinions.to_json(llm), _versions(call, local, llm)
        )
        if call["decision_reason"] == Reason.CANARY:
            await canary.judged(session, work, call["language"], words)
        elif analysis_id is not None and assessment.level is not None:
            await request_alerts(
                session, work.tenant_id, work.call_id, analysis_id, assessment.level, self._caps
            )
            # What is done on the line rests on what is measured now, not on what stands from before.
            risk = answered(assessment.measured, answer)
            await request_steps(session, work.tenant_id, work.call_id, risk, local.risk)
        if call["status"] == "ended":
            await ask_to_remember(session, work.tenant_id, work.call_id)


async def _others_may_be_asked(session: Session, call: Row, local: LocalScore) -> bool:
    """Whether the person's policy lets words leave now; a suspicion of the local scorer is stored."""
    suspects = local.risk >= LOCAL_SUSPICION
    if suspects and call["suspected_at"] is None:
        await session.run("calls.suspected", call["id"])
    return others_may_be_asked(
        AnalysisPolicy(call["analysis_policy"]),
        woken=call["keyword_at"] is not None,
        suspected=suspects or call["suspected_at"] is not None,
    )


async def _heard(session: Session, work: Work) -> tuple[Row, Sequence[Utterance]]:
    call = await session.row("calls.for_analysis", work.call_id)
    assert call is not None, "the work's foreign key holds the call"
    found = await transcripts.of_calls(session, work.tenant_id, [work.call_id])
    return call, found.get(work.call_id, ())


async def _standing(
    session: Session, call_id: UUID, signals: Sequence[Signal], words: Sequence[Utterance]
) -> tuple[Assessment, PersonsAnswer | None]:
    """The verdict that stands: fused, held steady over the call's results, and under a person's answer, which
    comes with it. The call's row stays locked, so that two verdicts of a call come one after the other.
    """
    row = await session.row("analyses.steady_of", call_id)
    assert row is not None, "the work's foreign key holds the call"
    before = Steady(**row["steady"])
    steady = steadied(before, fuse(signals).risk, sum(said.is_final for said in words))
    if steady != before:
        await session.run("analyses.hold_steady", call_id, asdict(steady))
    answer = PersonsAnswer(row["answer"]) if row["answer"] else None
    return stand_at(signals, answered(steady.risk, answer)), answer


def _versions(call: Row, local: LocalScore, llm: LlmOpinion | NotAvailable) -> dict[str, str | None]:
    """Of everything that had a part in the verdict; None where it had none."""
    asked = llm if isinstance(llm, LlmOpinion) else None
    return {
        "callguard": version("callguard"),
        "scorer": local.model,
        "llm": asked.model if asked else None,
        "prompt": asked.prompt_version if asked else None,
        "catalogue": call["catalogue_version"],
        "policy": call["analysis_policy"],
    }


async def _store(
    session: Session,
    work: Work,
    call: Row,
    words: Sequence[Utterance],
    assessment: Assessment,
    llm_analysis: dict[str, object],
    versions: dict[str, str | None],
) -> UUID | None:
    """The verdict's id, or None where it repeats the one before."""
    told = assessment.to_json()
    analysis_id: UUID | None = await session.value(
        "analyses.add",
        work.tenant_id,
        work.call_id,
        call["keywords"],
        as_text(words),
        llm_analysis,
        float(assessment.risk),
        assessment.level is not None,
        assessment.verdict,
        assessment.fraud_type,
        assessment.explanation,
        list(assessment.quotations),
        told["contributions"],
        len(turns(words)),
    )
    if analysis_id is not None:
        times = [round(turn.spoken_at, 1) for turn in turns(words)]
        await session.run("analyses.complete", analysis_id, float(assessment.measured), times, versions)
    return analysis_id
