"""A keyword was heard: the words are assembled, scored and stored with what follows from them.

The local verdict comes first and alerts by itself. Where an LLM judge is set up it is asked afterwards, in
work of its own, and can only raise the risk.
"""

from collections.abc import Sequence
from uuid import UUID

from callguard.alerting.ladder import request_steps
from callguard.alerting.outbox import request_alerts
from callguard.analysis.judge import Judge
from callguard.analysis.local_scorer import LocalScorer
from callguard.canary import runs as canary
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alerts import Caps
from callguard.domain.analysis_policy import LOCAL_SUSPICION, AnalysisPolicy, others_may_be_asked
from callguard.domain.caller import parse_verstat
from callguard.domain.policy import Reason
from callguard.domain.scoring import Assessment, fuse
from callguard.domain.signals import (
    Attestation,
    AttestationLevel,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    Signal,
    SignalName,
    SignalState,
)
from callguard.domain.transcript import Utterance, as_text, turns
from callguard.errors import JudgeError
from callguard.intake.records import ANALYSE
from callguard.transcript import store as transcripts

JUDGE = "judge"

__all__ = ["ANALYSE", "JUDGE", "Analyst"]

_ASKED = "The LLM judge has been asked."
_NOT_YET = "The LLM judge is asked after a keyword or a suspicion, as the person wants it."
_VOICE_YET_TO_COME = (
    NotAvailable(
        SignalName.DEEPFAKE,
        SignalState.NOT_AVAILABLE_YET,
        "Whether the voice is synthetic is not judged yet.",
    ),
    NotAvailable(
        SignalName.KNOWN_VOICE, SignalState.NOT_AVAILABLE_YET, "No voices of relatives are compared yet."
    ),
)


class Analyst:
    """Handlers of the two kinds of work that end in a verdict."""

    def __init__(self, database: Database, scorer: LocalScorer, judge: Judge | None, caps: Caps) -> None:
        self._database = database
        self._scorer = scorer
        self._judge = judge
        self._caps = caps

    async def analyse(self, work: Work) -> None:
        """Scores what has been said so far, and asks for the judge where there is one."""
        async with self._database.tenant(work.tenant_id) as session:
            call, words = await _heard(session, work)
            local = self._scorer.score(words)
            allowed = await _others_may_be_asked(session, call, local)
            if self._judge is None:
                llm = NotAvailable(SignalName.LLM, SignalState.NOT_CONFIGURED, "No LLM judge is set up.")
            else:
                llm = NotAvailable(
                    SignalName.LLM, SignalState.NOT_AVAILABLE_YET, _ASKED if allowed else _NOT_YET
                )
            await self._conclude(session, work, call, words, local, llm)
            if self._judge is not None and allowed and call["decision_reason"] != Reason.CANARY:
                await queue.add(
                    session, work.tenant_id, JUDGE, subject=work.call_id, call_id=work.call_id, urgency=6
                )
            await queue.finish(session, work)

    async def judge(self, work: Work) -> None:
        """Asks the LLM, outside any transaction. Its failure is stored, so that people see that the local
        verdict stands alone.

        Raises JudgeError to be tried again.
        """
        async with self._database.tenant(work.tenant_id) as session:
            call, words = await _heard(session, work)
        llm, failure = await self._opinion(words, call["keywords"])
        async with self._database.tenant(work.tenant_id) as session:
            await self._conclude(session, work, call, words, self._scorer.score(words), llm)
            if failure is None:
                await queue.finish(session, work)
        if failure is not None:
            raise failure

    async def _opinion(
        self, words: Sequence[Utterance], keywords: Sequence[str]
    ) -> tuple[LlmOpinion | NotAvailable, JudgeError | None]:
        """The judge's opinion, or what to show in its place and the reason."""
        if self._judge is None:
            failure = JudgeError("The LLM judge was switched off. Set OPENAI_API_KEY again.", reason="off")
        else:
            try:
                return await self._judge.opinion(words, keywords), None
            except JudgeError as error:
                failure = error
        detail = f"The LLM judge gave no verdict ({failure.reason})."
        return NotAvailable(SignalName.LLM, SignalState.FAILED, detail), failure

    async def _conclude(
        self,
        session: Session,
        work: Work,
        call: Row,
        words: Sequence[Utterance],
        local: LocalScore,
        llm: LlmOpinion | NotAvailable,
    ) -> None:
        signals: list[Signal] = [local, _attestation(call), llm, *_VOICE_YET_TO_COME]
        assessment = fuse(signals)
        analysis_id = await _store(session, work, call, words, llm, assessment)
        if call["decision_reason"] == Reason.CANARY:
            await canary.judged(session, work, call["language"], words)
        elif analysis_id is not None and assessment.level is not None:
            await request_alerts(
                session, work.tenant_id, work.call_id, analysis_id, assessment.level, self._caps
            )
            await request_steps(session, work.tenant_id, work.call_id, assessment.risk, local.risk)


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


def _attestation(call: Row) -> Attestation:
    stir = parse_verstat(call["stir_verstat"])
    if stir.failed:
        return Attestation(AttestationLevel.FAILED)
    return Attestation(AttestationLevel(stir.level) if stir.level else AttestationLevel.NONE)


async def _store(
    session: Session,
    work: Work,
    call: Row,
    words: Sequence[Utterance],
    llm: LlmOpinion | NotAvailable,
    assessment: Assessment,
) -> UUID | None:
    """The verdict's id, or None where it repeats the one before."""
    told = assessment.to_json()
    analysis_id: UUID | None = await session.value(
        "analyses.add",
        work.tenant_id,
        work.call_id,
        call["keywords"],
        as_text(words),
        _llm_analysis(llm),
        float(assessment.risk),
        assessment.level is not None,
        assessment.verdict,
        assessment.fraud_type,
        assessment.explanation,
        list(assessment.quotations),
        told["contributions"],
        len(turns(words)),
    )
    return analysis_id


def _llm_analysis(llm: LlmOpinion | NotAvailable) -> dict[str, object]:
    if isinstance(llm, NotAvailable):
        return {"state": llm.state, "detail": llm.detail}
    return {
        "state": SignalState.MEASURED,
        "risk": llm.risk,
        "fraud_type": llm.fraud_type,
        "claims": llm.claims,
        "asks": llm.asks,
        "tactics": llm.tactics,
        "quotations": llm.quotations,
        "explanation": llm.explanation,
        "suggested_action": llm.suggested_action,
        "confidence": llm.confidence,
        "model": llm.model,
        "prompt_version": llm.prompt_version,
    }
