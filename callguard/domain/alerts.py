"""Who is told, when and in which words: the alert policy. Pure; the outbox carries it out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from callguard.domain import sms
from callguard.domain.caller import WITHHELD, spoken_number
from callguard.domain.scoring import AlertLevel, kind_of
from callguard.domain.signals import FraudType

ESCALATION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Contact:
    """An emergency contact; the smallest priority is asked first."""

    id: UUID
    name: str
    phone_number: str
    priority: int
    opted_out: bool = False


class Channel(StrEnum):
    """How a contact is reached: `alert_type` in the database."""

    SMS = "sms"
    CALL = "call"
    APP = "app_notification"
    EMAIL = "email"


FREE = (Channel.APP, Channel.EMAIL)
"""What costs nothing, disturbs nobody who doesn't look, and goes past Twilio."""


def beside(level: AlertLevel, channel: Channel) -> tuple[Channel, ...]:
    """What leaves together with an alert by this channel.

    In danger each second counts: the free channels don't wait until the message is lost. A warning asks one
    contact after the other, and each by one channel first, so that it stays a quiet one.
    """
    return FREE if level is AlertLevel.DANGER and channel not in FREE else ()


def after(channel: Channel) -> tuple[Channel, ...]:
    """What follows an alert by this channel that was not received, or not answered in time.

    SMS, then a spoken call; the free channels leave beside that call, since half a minute of ringing tells
    whether somebody answers. They end the line.
    """
    match channel:
        case Channel.SMS:
            return (Channel.CALL, *FREE)
        case Channel.CALL:
            return FREE
        case Channel.APP | Channel.EMAIL:
            return ()


@dataclass(frozen=True, slots=True)
class PlannedAlert:
    """A message to one contact, due after `delay_seconds` unless somebody answered before."""

    contact: Contact
    level: AlertLevel
    delay_seconds: int

    @property
    def channel(self) -> Channel:
        """Who sent STOP is rung: the carrier would drop a message."""
        return Channel.CALL if self.contact.opted_out else Channel.SMS


def plan(
    level: AlertLevel,
    contacts: Iterable[Contact],
    already: Iterable[tuple[UUID, AlertLevel]],
    excluded_numbers: Iterable[str],
) -> tuple[PlannedAlert, ...]:
    """The messages that a verdict asks for.

    danger reaches all contacts at once; warning asks one after the other, ESCALATION_SECONDS apart. A
    contact is told once per level and call, and not of a warning after a danger. `excluded_numbers` (the
    caller, the person) are never told.
    """
    told = set(already)
    excluded = set(excluded_numbers)
    ordered = sorted(
        (c for c in contacts if c.phone_number not in excluded), key=lambda c: (c.priority, c.name, str(c.id))
    )
    step = 0 if level is AlertLevel.DANGER else ESCALATION_SECONDS
    return tuple(
        PlannedAlert(contact, level, position * step)
        for position, contact in enumerate(ordered)
        if (contact.id, level) not in told and (contact.id, AlertLevel.DANGER) not in told
    )


def message(level: AlertLevel, person: str, caller: str, fraud_type: FraudType | None, code: str) -> str:
    """The SMS, at most two segments: of GSM-7, or a shorter text for a name in another script.

    Fixed words, the person's name and the caller's number (as stored): nothing that was said on the call
    gets in, and no link. `code` is short and unique to the alert: a reply names the alert by it, and it tells
    a repeated message from a second alert. STOP is advised against, since it opts out at the carrier.
    """
    who = sms.plain_name(person)[:40].rstrip() or "the person you look after"
    number = _shown(caller)
    if not sms.fits_gsm_7(who):
        return _short_message(level, who, number, code)
    kind = kind_of(fraud_type or FraudType.OTHER)
    how = f"Reply HANGUP, SAFE or CALL (not STOP). Code {code}"
    if level is AlertLevel.DANGER:
        return (
            f"callguard ALERT: {who} is on the phone right now with a likely scammer: {kind}. "
            f"Caller: {number}. Ring or go there at once; have them hang up and send no money. {how}"
        )
    return (
        f"callguard warning: a call to {who} sounds suspicious: it may be {kind}. "
        f"Caller: {number}. Please check on them now. {how}"
    )


def _short_message(level: AlertLevel, who: str, number: str, code: str) -> str:
    before = "callguard ALERT: scam call, " if level is AlertLevel.DANGER else "callguard warning: call, "
    after = f" and {number}. Reply HANGUP, SAFE, CALL (not STOP). Code {code}"
    return before + sms.clip(who, sms.MOST_UCS_2 - len(before) - len(after)) + after


def _shown(caller: str) -> str:
    """Addresses that are no numbers are the caller's own words, and stay out."""
    if caller == WITHHELD:
        return "withheld number"
    return spoken_number(caller) if caller.startswith("+") else "no phone number"


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
