"""The read model of everything that moves: what the dashboard and the terminal show, at one moment."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callguard.canary.runs import Protection
from callguard.domain.transcript import Utterance


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one signal brought to the risk: `risk` 0-100, or None; then `state` says why there is none.
    `points`: by how much it moved the whole; `speech_seconds`: of the caller's, where that was judged.
    """

    signal: str
    state: str
    risk: int | None
    detail: str
    tactics: Sequence[str] = ()
    points: int = 0
    finding: str | None = None
    speech_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LiveAlert:
    """One message to one contact and how far it got.

    `reason` is a code: why it was held back or could not be sent. `answered_by` is sms, key or link, and
    `answer` what was asked for, None where it was only read.
    """

    id: UUID
    contact_name: str
    channel: str
    level: str
    status: str
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    reason: str | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class LiveStep:
    """One step of the ladder on the line. `contact_name` is None where callguard asked for it itself."""

    id: UUID
    step: str
    wording: str | None
    contact_name: str | None
    state: str
    asked_at: datetime
    done_at: datetime | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveFeedback:
    """What somebody, perhaps a contact, says a call was: `answer` is scam, not_scam or unsure."""

    answer: str
    source: str
    contact_name: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call as people see it. `caller` is E.164 or 'withheld'; `verdict` SAFE, UNSURE, SUSPECT or SCAM.

    `degraded` says in plain words what fails in listening to it, or is None. `measured` is what the signals
    make now, None before any analysis: a risk stands until lower results last, or where a person answered.
    """

    id: UUID
    call_sid: str
    person_name: str
    caller: str
    attestation: str | None
    status: str
    started_at: datetime
    ended_at: datetime | None
    verdict: str
    risk: int
    fraud_type: str | None
    explanation: str
    quotations: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    keywords: tuple[str, ...]
    transcript: tuple[Utterance, ...]
    alerts: tuple[LiveAlert, ...]
    speech_seconds: float
    degraded: str | None
    steps: tuple[LiveStep, ...] = ()
    language: str = "en"
    language_switched_from: str | None = None
    measured: int | None = None
    feedback: tuple[LiveFeedback, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveNotice:
    """What isn't about a verdict: `kind` and `remedy` by their short names, and the contact it is about."""

    id: UUID
    kind: str
    remedy: str | None
    person_name: str
    contact_name: str | None
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeMessages:
    """How many messages of notices to such a recipient, by such a channel, got that far in the last day."""

    recipient: str
    channel: str
    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All live calls and the recent ended ones, newest first. A call's risk is 0 before any analysis.

    `protections`: what test calls say about each person's protection. `notices` are those of the last day and
    what still stands, newest first.
    """

    taken_at: datetime
    calls: tuple[LiveCall, ...]
    notices: tuple[LiveNotice, ...] = ()
    messages: tuple[NoticeMessages, ...] = ()
    protections: tuple[Protection, ...] = ()


SnapshotSource = Callable[[], Awaitable[Snapshot]]
