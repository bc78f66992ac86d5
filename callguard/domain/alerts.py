"""Who is told, and when: the alert policy. Pure; the outbox carries it out."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from callguard.domain.policy import within_hours
from callguard.domain.scoring import AlertLevel

ESCALATION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Contact:
    """An emergency contact; the smallest priority is asked first.

    `verified`: the number has confirmed itself. `danger_only` and the quiet hours (None, or both, by the
    clock of `time_zone`) hold warnings back. The last two count the warnings this contact was sent.
    """

    id: UUID
    name: str
    phone_number: str
    priority: int
    opted_out: bool = False
    verified: bool = True
    danger_only: bool = False
    time_zone: str = "UTC"
    quiet_from: time | None = None
    quiet_until: time | None = None
    warned_this_hour: int = 0
    warned_this_day: int = 0


@dataclass(frozen=True, slots=True)
class Caps:
    """The most warnings that may be sent: to one contact, and of one tenant in a day. Danger has no cap: it
    is one message for each call and contact in any case.
    """

    contact_hour: int = 4
    contact_day: int = 12
    tenant_day: int = 200


class Channel(StrEnum):
    """How a contact is reached: `alert_type` in the database."""

    SMS = "sms"
    CALL = "call"


class HeldBack(StrEnum):
    """Why a contact does not get an alert: `error_code` in the database."""

    OWN_NUMBER = "own_number"
    UNVERIFIED = "unverified"
    DANGER_ONLY = "danger_only"
    QUIET_HOURS = "quiet_hours"
    CAPPED = "capped"


# Of these reasons none is anybody's wish: an alert that meets no other contact has failed.
UNREACHED = frozenset({HeldBack.OWN_NUMBER, HeldBack.UNVERIFIED})


@dataclass(frozen=True, slots=True)
class PlannedAlert:
    """A message to one contact, due after `delay_seconds` unless somebody answered before; or `held_back`."""

    contact: Contact
    level: AlertLevel
    delay_seconds: int
    held_back: HeldBack | None = None

    @property
    def channel(self) -> Channel:
        """Who sent STOP is rung: the carrier would drop a message."""
        return Channel.CALL if self.contact.opted_out else Channel.SMS


def plan(
    level: AlertLevel,
    contacts: Iterable[Contact],
    already: Iterable[tuple[UUID, AlertLevel]],
    excluded_numbers: Iterable[str],
    now: datetime,
    *,
    caps: Caps = Caps(),
    tenant_warnings: int = 0,
) -> tuple[PlannedAlert, ...]:
    """The messages that a verdict asks for, and those it would ask for but for a reason.

    danger reaches all contacts at once; warning asks one after the other, ESCALATION_SECONDS apart. A
    contact is told once per level and call, and not of a warning after a danger. `excluded_numbers` (the
    caller, the person's own) are never told. `tenant_warnings`: how many were sent in the last day.
    """
    told = set(already)
    ordered = sorted(contacts, key=lambda c: (c.priority, c.name, str(c.id)))
    reasons = _reasons(level, ordered, frozenset(excluded_numbers), now, caps, tenant_warnings)
    step = 0 if level is AlertLevel.DANGER else ESCALATION_SECONDS
    planned: list[PlannedAlert] = []
    position = 0
    for contact in ordered:
        reason = reasons[contact.id]
        if (contact.id, level) not in told and (contact.id, AlertLevel.DANGER) not in told:
            planned.append(PlannedAlert(contact, level, position * step, reason))
        position += reason is None
    return tuple(planned)


def _reasons(
    level: AlertLevel,
    contacts: Sequence[Contact],
    excluded: Collection[str],
    now: datetime,
    caps: Caps,
    tenant_warnings: int,
) -> dict[UUID, HeldBack | None]:
    if level is AlertLevel.DANGER:
        # Where no contact of the person has confirmed a number yet, danger goes to those they named all the
        # same, by one message without a link: silence would be worse than a line to a mistyped number.
        nobody = not any(c.verified and c.phone_number not in excluded for c in contacts)
        return {c.id: _why_no_danger(c, excluded, anyone=nobody) for c in contacts}
    reasons: dict[UUID, HeldBack | None] = {}
    left = caps.tenant_day - tenant_warnings
    for contact in contacts:
        reasons[contact.id] = _why_no_danger(contact, excluded, anyone=False) or _why_no_warning(
            contact, now, caps, left
        )
        left -= reasons[contact.id] is None
    return reasons


def _why_no_danger(contact: Contact, excluded: Collection[str], *, anyone: bool) -> HeldBack | None:
    if contact.phone_number in excluded:
        return HeldBack.OWN_NUMBER
    if contact.verified or (anyone and not contact.opted_out):
        return None
    return HeldBack.UNVERIFIED


def _why_no_warning(contact: Contact, now: datetime, caps: Caps, left: int) -> HeldBack | None:
    if contact.danger_only:
        return HeldBack.DANGER_ONLY
    if within_hours(contact.quiet_from, contact.quiet_until, contact.time_zone, now):
        return HeldBack.QUIET_HOURS
    if contact.warned_this_hour >= caps.contact_hour or contact.warned_this_day >= caps.contact_day:
        return HeldBack.CAPPED
    return HeldBack.CAPPED if left <= 0 else None


class DeliveryStatus(StrEnum):
    """How far a message got. It only moves forward."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    SKIPPED = "skipped"


_FROM_TWILIO = {
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "undelivered": DeliveryStatus.UNDELIVERED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
    # Of calls: answered is as good as delivered.
    "in-progress": DeliveryStatus.DELIVERED,
    "completed": DeliveryStatus.DELIVERED,
    "busy": DeliveryStatus.UNDELIVERED,
    "no-answer": DeliveryStatus.UNDELIVERED,
}

NOT_RECEIVED = frozenset({DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED})

_ORDER: Sequence[frozenset[DeliveryStatus]] = (
    frozenset({DeliveryStatus.PENDING}),
    frozenset({DeliveryStatus.SENDING}),
    frozenset({DeliveryStatus.SENT}),
    frozenset(
        {DeliveryStatus.DELIVERED, DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED}
    ),
)


def delivery_status(twilio_status: str) -> DeliveryStatus:
    """Twilio's message or call status in our words: everything on its way counts as sent."""
    return _FROM_TWILIO.get(twilio_status, DeliveryStatus.SENT)


def may_follow(status: DeliveryStatus) -> tuple[str, ...]:
    """The statuses that `status` may replace: callbacks come in any order and never move an alert back."""
    rank = next(i for i, group in enumerate(_ORDER) if status in group)
    return tuple(s for group in _ORDER[:rank] for s in group)
