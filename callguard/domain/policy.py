"""Who is let through to a person, and whether callguard listens: one decision for each call."""

from datetime import datetime, time
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from callguard.domain.caller import WITHHELD, Stir, is_emergency_number


class Action(StrEnum):
    """How a call is answered."""

    MONITOR = "monitor"
    CONNECT = "connect"
    SCREEN = "screen"
    VOICEMAIL = "voicemail"
    REJECT = "reject"
    TELL_UNREACHABLE = "tell_unreachable"
    TELL_LATER = "tell_later"


class Reason(StrEnum):
    """Why it is answered so."""

    EMERGENCY = "emergency"
    BLOCKED = "blocked"
    PAUSED = "paused"
    ALLOWED = "allowed"
    QUIET_HOURS = "quiet_hours"
    SIGNATURE_FAILED = "signature_failed"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"
    CANARY = "canary"
    CHOSEN = "chosen"


class Consent(StrEnum):
    """What a caller who is listened to hears of it: nothing, that it is so, or also a way out by a key."""

    OFF = "off"
    SPOKEN = "spoken"
    KEY = "key"


_UNKNOWN = frozenset({Reason.SIGNATURE_FAILED, Reason.WITHHELD, Reason.UNKNOWN})


class Policy(msgspec.Struct, frozen=True):
    """What a person wants of callers. Without quiet hours both their times are None.

    `allowed` and `blocked` hold callers as `caller_number` gives them. `unknown_callers`: bridged, asked who
    they are first, or not put through. `offer_unmonitored`: the announcement offers a key for a connection
    that isn't listened to. Messages are recorded only with `record_voicemail`, the person's consent.
    """

    time_zone: str = "UTC"
    quiet_from: time | None = None
    quiet_until: time | None = None
    paused_until: datetime | None = None
    blocked_callers: Literal["reject", "tell", "voicemail"] = "reject"
    unknown_callers: Literal["bridge", "screen", "voicemail"] = "bridge"
    offer_unmonitored: bool = False
    record_voicemail: bool = False
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


def consent_asked(policy: Policy, *, announce: bool) -> Consent:
    """What the person wants callers to hear."""
    if not announce:
        return Consent.OFF
    return Consent.KEY if policy.offer_unmonitored else Consent.SPOKEN


class Decision(msgspec.Struct, frozen=True):
    """How a call is answered, and why."""

    action: Action
    reason: Reason

    @property
    def bridges(self) -> bool:
        """Whether the person is rung."""
        return self.action in (Action.MONITOR, Action.CONNECT)

    @property
    def monitors(self) -> bool:
        """Whether callguard listens: transcription, audio stream, announcement."""
        return self.action is Action.MONITOR


MONITORED = Decision(Action.MONITOR, Reason.UNKNOWN)


def decide(caller: str, called: str, stir: Stir, policy: Policy, now: datetime) -> Decision:
    """The decision for a call of `caller` (as `caller_number` gives it) on the number `called`.

    A number whose signature failed is not trusted, whosever it is said to be: it is never exempt from
    monitoring, but an emergency service is bridged all the same, and whoever is allowed is never screened.
    """
    if is_emergency_number(caller, near=called):
        return Decision(Action.MONITOR if stir.failed else Action.CONNECT, Reason.EMERGENCY)
    if caller in policy.blocked:
        return Decision(_turned_away(policy), Reason.BLOCKED)
    if policy.paused_until is not None and now < policy.paused_until:
        return Decision(Action.CONNECT, Reason.PAUSED)
    if caller in policy.allowed and not stir.failed:
        return Decision(Action.CONNECT, Reason.ALLOWED)
    if is_quiet(policy, now):
        return Decision(Action.TELL_LATER, Reason.QUIET_HOURS)
    reason = _why_unknown(caller, stir)
    return Decision(Action.MONITOR if caller in policy.allowed else _unknown(policy), reason)


def _turned_away(policy: Policy) -> Action:
    match policy.blocked_callers:
        case "tell":
            return Action.TELL_UNREACHABLE
        case "voicemail":
            return message_or_told(policy)
        case _:
            return Action.REJECT


def _unknown(policy: Policy) -> Action:
    match policy.unknown_callers:
        case "screen":
            return Action.SCREEN
        case "voicemail":
            return message_or_told(policy)
        case _:
            return Action.MONITOR


def message_or_told(policy: Policy) -> Action:
    """What remains for a caller who is not put through: a message, where the person lets them be recorded."""
    return Action.VOICEMAIL if policy.record_voicemail else Action.TELL_UNREACHABLE


def without_database(decision: Decision) -> Decision:
    """The decision where nothing can be looked up: whoever is merely unknown is bridged and listened to."""
    return Decision(Action.MONITOR, decision.reason) if decision.reason in _UNKNOWN else decision


def _why_unknown(caller: str, stir: Stir) -> Reason:
    if stir.failed:
        return Reason.SIGNATURE_FAILED
    return Reason.WITHHELD if caller == WITHHELD else Reason.UNKNOWN


def is_quiet(policy: Policy, now: datetime) -> bool:
    """Whether `now` lies in the person's quiet hours."""
    return within_hours(policy.quiet_from, policy.quiet_until, policy.time_zone, now)


def within_hours(begin: time | None, end: time | None, time_zone: str, now: datetime) -> bool:
    """Whether `now` lies in hours by the clock of a time zone, which may run over midnight.

    In a time zone that isn't known there are none: a call or a message is rather let through.
    """
    if begin is None or end is None:
        return False
    try:
        clock = now.astimezone(ZoneInfo(time_zone)).time()
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        return False
    return begin <= clock < end if begin <= end else clock >= begin or clock < end
