"""The desk that the LLM judge is asked from: when, within which budget; and each question is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from callguard.analysis import opinions
from callguard.analysis.judge import LATER, PROMPT_VERSION, RESTING, Judge, Reading
from callguard.db import queue
from callguard.db.pool import Database, Session
from callguard.db.queue import Work
from callguard.domain.judging import Budget, Heard, Prices, wait_before_asking
from callguard.domain.notices import Kind
from callguard.domain.signals import LlmOpinion, NotAvailable, SignalName, SignalState
from callguard.domain.transcript import Utterance
from callguard.transcript import notices

JUDGE = "judge"
MOST_TRIES: Final = 6
"""Questions about the same words, before the failure is final."""
BUDGET_SPENT = "budget_spent"

# The same words are asked about again after these.
_OPEN: Final = [*LATER, BUDGET_SPENT]

NOT_SET_UP = NotAvailable(SignalName.LLM, SignalState.NOT_CONFIGURED, "No LLM judge is set up.")
_ASKED = NotAvailable(SignalName.LLM, SignalState.NOT_AVAILABLE_YET, "The LLM judge has been asked.")
_SPENT = NotAvailable(
    SignalName.LLM,
    SignalState.BUDGET_SPENT,
    "Today's budget of the LLM judge is used up. The local verdict stands.",
)
# What the operator can do about a failure, beside waiting.
_TODO = {
    "quota_exhausted": "Check the account's quota and billing.",
    "rate_limited": "Check the account's rate limits.",
    "unauthorised": "Check OPENAI_API_KEY.",
    "bad_request": "Check OPENAI_MODEL, and what the server says of its requests.",
    "unreachable": "Check OPENAI_BASE_URL and the network.",
    "bad_output": "Choose a model that keeps to a JSON schema.",
    "truncated": "Choose a model that answers briefly.",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known from the LLM now; `again_after`: in how many seconds it is asked again, None: it is not.
    `tries` counts what was asked about these words so far.
    """

    llm: LlmOpinion | NotAvailable
    again_after: float | None = None
    tries: int = 0


class JudgeDesk:
    """Asks `judge` for the analyst. `budget` is each organisation's, for a day."""

    def __init__(self, database: Database, judge: Judge, prices: Prices, budget: Budget) -> None:
        self._database = database
        self._judge = judge
        self._prices = prices
        self._budget = budget

    async def standing(self, session: Session, tenant_id: UUID, call_id: UUID) -> LlmOpinion | NotAvailable:
        """What the judge found in this call so far, or why it found nothing."""
        stored = await session.value("analyses.llm_standing", tenant_id, call_id)
        llm = opinions.from_json(stored) if stored else _ASKED
        unset = isinstance(llm, NotAvailable) and llm.state is SignalState.NOT_CONFIGURED
        return _ASKED if unset else llm

    async def request(self, session: Session, tenant_id: UUID, call_id: UUID, now: Heard) -> None:
        """Asks for the work of asking, where the words are worth it."""
        wait = await _wait(session, tenant_id, call_id, now)
        if wait is not None:
            await _add(session, tenant_id, call_id, wait, {})

    async def ask(
        self, work: Work, words: Sequence[Utterance], keywords: Sequence[str], now: Heard
    ) -> Finding | None:
        """The judge's finding, asked for outside any transaction; None where there is nothing new to ask.

        Raises DatabaseError.
        """
        async with self._database.tenant(work.tenant_id) as session:
            if await _wait(session, work.tenant_id, work.call_id, now) != 0:
                return None
            standing = await self.standing(session, work.tenant_id, work.call_id)
            used = await session.row("llm.used_today", work.tenant_id)
            if used is not None and self._budget.is_spent(used["tokens"], used["micro_usd"]):
                await self._tell_spent(session, work, now)
                return Finding(_better(standing, _SPENT))
        reading = await self._judge.read(words, keywords)
        tries: int = work.payload.get("tries", 0)
        if reading.reason != RESTING:  # then nobody was asked
            tries += 1
            async with self._database.tenant(work.tenant_id) as session:
                await self._write_down(session, work, now, reading)
        if reading.opinion is not None:
            return Finding(reading.opinion)
        again_after = reading.again_after if tries < MOST_TRIES else None
        log.warning(
            "judge_failed",
            reason=reading.reason,
            again=again_after is not None,
            todo=_TODO.get(reading.reason),
        )
        return Finding(_better(standing, _failure(reading.reason, again_after)), again_after, tries)

    async def follow(self, session: Session, work: Work, finding: Finding | None, now: Heard) -> None:
        """Asks for the next question, in the transaction that stores what came of this one."""
        if finding is None:
            await self.request(session, work.tenant_id, work.call_id, now)
        elif finding.again_after is not None:
            await _add(session, work.tenant_id, work.call_id, finding.again_after, {"tries": finding.tries})

    async def _tell_spent(self, session: Session, work: Work, now: Heard) -> None:
        news = await self._write_down(session, work, now, Reading(None, BUDGET_SPENT))
        if news:
            await notices.tell(session, work.tenant_id, work.call_id, Kind.LLM_BUDGET_SPENT)

    async def _write_down(self, session: Session, work: Work, now: Heard, reading: Reading) -> bool:
        """Stores the question; False where it stands there."""
        used = reading.used
        return (
            await session.value(
                "llm.add",
                work.tenant_id,
                work.call_id,
                work.id,
                reading.reason or "answered",
                self._judge.model,
                PROMPT_VERSION,
                now.caller_words,
                now.local_risk,
                used.requests,
                reading.ms,
                used.prompt_tokens,
                used.completion_tokens,
                used.is_estimated,
                self._prices.cost_micro_usd(used),
                reading.request_id,
            )
            is not None
        )


async def _wait(session: Session, tenant_id: UUID, call_id: UUID, now: Heard) -> float | None:
    row = await session.row("llm.last_asked", tenant_id, call_id, _OPEN)
    if row is None:
        return wait_before_asking(now, None, 0)
    return wait_before_asking(now, Heard(row["caller_words"], row["local_risk"]), row["seconds_ago"])


async def _add(
    session: Session, tenant_id: UUID, call_id: UUID, delay_seconds: float, payload: dict[str, object]
) -> None:
    await queue.add(
        session,
        tenant_id,
        JUDGE,
        subject=call_id,
        call_id=call_id,
        payload=payload,
        urgency=6,
        delay_seconds=delay_seconds,
    )


def _better(standing: LlmOpinion | NotAvailable, failure: NotAvailable) -> LlmOpinion | NotAvailable:
    """An opinion on earlier words of the call still counts when a later question fails."""
    return standing if isinstance(standing, LlmOpinion) else failure


def _failure(reason: str, again_after: float | None) -> NotAvailable:
    if again_after is not None:
        detail = f"The LLM judge gave no verdict yet ({reason}). It is asked again later."
        return NotAvailable(SignalName.LLM, SignalState.QUEUED, detail)
    return NotAvailable(SignalName.LLM, SignalState.FAILED, f"The LLM judge gave no verdict ({reason}).")
