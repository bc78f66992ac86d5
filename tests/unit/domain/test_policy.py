"""The decision about a caller: total, the same each time, and never softer on a signature that failed."""

from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callguard.domain.caller import WITHHELD, Stir, caller_number, is_emergency_number
from callguard.domain.policy import (
    Action,
    Consent,
    Decision,
    Policy,
    Reason,
    consent_asked,
    decide,
    is_quiet,
    without_database,
)

TWILIO = "+12025550100"
FRIEND, ENEMY, STRANGER = "+12025550141", "+12025550142", "+12025550143"
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
UNSIGNED = Stir(level=None, failed=False, diverted=False)
SIGNED = Stir(level="A", failed=False, diverted=False)
FAILED = Stir(level=None, failed=True, diverted=False)

callers = st.sampled_from([FRIEND, ENEMY, STRANGER, WITHHELD, "911", "112", "sip:alice@example.org"])
stirs = st.builds(
    Stir, level=st.sampled_from(["A", "B", "C", None]), failed=st.booleans(), diverted=st.booleans()
)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis wants the bounds without a zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
times = st.times()
policies = st.builds(
    Policy,
    time_zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Nowhere/Land", "", "../etc"]),
    quiet_from=times | st.none(),
    quiet_until=times | st.none(),
    paused_until=moments | st.none(),
    blocked_callers=st.sampled_from(["reject", "tell", "voicemail"]),
    unknown_callers=st.sampled_from(["bridge", "screen", "voicemail"]),
    record_voicemail=st.booleans(),
    allowed=st.lists(st.sampled_from([FRIEND, "911", WITHHELD])).map(tuple),
    blocked=st.lists(st.sampled_from([ENEMY, "911", "112"])).map(tuple),
)
LISTS = Policy(allowed=(FRIEND,), blocked=(ENEMY,))


def about(caller: str, policy: Policy = LISTS, *, stir: Stir = UNSIGNED, now: datetime = NOON) -> Decision:
    return decide(caller, TWILIO, stir, policy, now)


@given(callers | st.text(), st.text() | st.just(TWILIO), stirs, policies, moments)
@example("911", "+1", FAILED, Policy(), NOON)
def test_every_caller_gets_one_decision_and_always_the_same(
    caller: str, called: str, stir: Stir, policy: Policy, now: datetime
) -> None:
    first = decide(caller, called, stir, policy, now)
    assert first == decide(caller, called, stir, policy, now)
    assert first.bridges or not first.monitors


@given(stirs, policies, moments)
def test_an_emergency_service_is_always_bridged(stir: Stir, policy: Policy, now: datetime) -> None:
    for number in ("911", "112"):
        decision = about(number, policy, stir=stir, now=now)
        assert decision.bridges
        assert decision.monitors == stir.failed
        assert decision.reason is Reason.EMERGENCY


@given(stirs, policies, moments)
def test_the_allow_list_never_monitors_unless_the_signature_failed(
    stir: Stir, policy: Policy, now: datetime
) -> None:
    decision = about(FRIEND, msgspec.structs.replace(policy, allowed=(FRIEND,)), stir=stir, now=now)
    if not stir.failed:
        assert decision.action is Action.CONNECT
    elif policy.paused_until is None or policy.paused_until <= now:
        assert decision.action is not Action.CONNECT


@given(callers, policies, moments)
def test_who_is_let_off_without_a_pause_is_known_by_number(
    caller: str, policy: Policy, now: datetime
) -> None:
    decision = about(caller, policy, now=now)
    if decision.action is Action.CONNECT and (policy.paused_until is None or policy.paused_until <= now):
        assert caller in (*policy.allowed, "911", "112")


@pytest.mark.parametrize(
    ("caller", "stir", "action", "reason"),
    [
        (FRIEND, UNSIGNED, Action.CONNECT, Reason.ALLOWED),
        (FRIEND, SIGNED, Action.CONNECT, Reason.ALLOWED),
        (FRIEND, FAILED, Action.MONITOR, Reason.SIGNATURE_FAILED),
        (ENEMY, SIGNED, Action.REJECT, Reason.BLOCKED),
        (ENEMY, FAILED, Action.REJECT, Reason.BLOCKED),
        (STRANGER, SIGNED, Action.MONITOR, Reason.UNKNOWN),
        (STRANGER, UNSIGNED, Action.MONITOR, Reason.UNKNOWN),
        (STRANGER, FAILED, Action.MONITOR, Reason.SIGNATURE_FAILED),
        (WITHHELD, UNSIGNED, Action.MONITOR, Reason.WITHHELD),
        ("999", UNSIGNED, Action.MONITOR, Reason.UNKNOWN),
    ],
)
def test_what_a_person_can_expect(caller: str, stir: Stir, action: Action, reason: Reason) -> None:
    assert about(caller, stir=stir) == Decision(action, reason)


def test_a_blocked_caller_may_be_told_instead_of_rejected() -> None:
    policy = msgspec.structs.replace(LISTS, blocked_callers="tell")
    assert about(ENEMY, policy) == Decision(Action.TELL_UNREACHABLE, Reason.BLOCKED)


@pytest.mark.parametrize(
    ("wishes", "consents", "action"),
    [
        ("bridge", False, Action.MONITOR),
        ("screen", False, Action.SCREEN),
        ("voicemail", True, Action.VOICEMAIL),
        ("voicemail", False, Action.TELL_UNREACHABLE),
    ],
)
@pytest.mark.parametrize("caller", [STRANGER, WITHHELD, "sip:alice@example.org"])
@pytest.mark.parametrize("stir", [SIGNED, UNSIGNED, FAILED])
def test_a_person_says_what_unknown_callers_meet(
    wishes: Literal["bridge", "screen", "voicemail"], consents: bool, action: Action, caller: str, stir: Stir
) -> None:
    policy = msgspec.structs.replace(LISTS, unknown_callers=wishes, record_voicemail=consents)
    decision = about(caller, policy, stir=stir)
    assert decision.action is action
    assert without_database(decision) == Decision(Action.MONITOR, decision.reason)
    assert about(FRIEND, policy, stir=FAILED).action is Action.MONITOR
    assert about(FRIEND, policy).action is Action.CONNECT


@pytest.mark.parametrize(("consents", "action"), [(True, Action.VOICEMAIL), (False, Action.TELL_UNREACHABLE)])
def test_a_blocked_caller_may_leave_a_message_where_it_may_be_recorded(
    consents: bool, action: Action
) -> None:
    policy = msgspec.structs.replace(LISTS, blocked_callers="voicemail", record_voicemail=consents)
    assert about(ENEMY, policy) == Decision(action, Reason.BLOCKED)


@given(callers, stirs, policies, moments)
def test_nobody_is_screened_or_recorded_who_must_not_be(
    caller: str, stir: Stir, policy: Policy, now: datetime
) -> None:
    decision = about(caller, policy, stir=stir, now=now)
    if decision.action is Action.VOICEMAIL:
        assert policy.record_voicemail
    if decision.action is Action.SCREEN:
        assert caller not in (*policy.allowed, *policy.blocked, "911", "112")
        assert policy.paused_until is None or policy.paused_until <= now
    alone = without_database(decision)
    assert alone == decision or alone.action is Action.MONITOR
    assert alone.action is not Action.SCREEN


@pytest.mark.parametrize(
    ("announce", "offer", "consent"),
    [
        (False, True, Consent.OFF),
        (True, False, Consent.SPOKEN),
        (True, True, Consent.KEY),
    ],
)
def test_a_way_out_is_offered_in_an_announcement_alone(announce: bool, offer: bool, consent: Consent) -> None:
    assert consent_asked(Policy(offer_unmonitored=offer), announce=announce) is consent


def test_a_pause_ends_by_itself_and_lets_no_blocked_caller_in() -> None:
    policy = msgspec.structs.replace(LISTS, paused_until=NOON)
    before = NOON - timedelta(seconds=1)
    assert about(STRANGER, policy, now=before) == Decision(Action.CONNECT, Reason.PAUSED)
    assert about(ENEMY, policy, now=before).action is Action.REJECT
    assert about(STRANGER, policy).action is Action.MONITOR


def test_in_quiet_hours_only_those_who_are_allowed_come_through() -> None:
    policy = msgspec.structs.replace(LISTS, quiet_from=time(11), quiet_until=time(13))
    assert about(STRANGER, policy) == Decision(Action.TELL_LATER, Reason.QUIET_HOURS)
    assert about(WITHHELD, policy).action is Action.TELL_LATER
    assert about(FRIEND, policy).action is Action.CONNECT
    assert about(FRIEND, policy, stir=FAILED).action is Action.TELL_LATER


@pytest.mark.parametrize(
    ("begin", "end", "at", "quiet"),
    [
        ("22:00", "07:00", "22:00", True),
        ("22:00", "07:00", "03:00", True),
        ("22:00", "07:00", "06:59", True),
        ("22:00", "07:00", "07:00", False),
        ("22:00", "07:00", "12:00", False),
        ("13:00", "15:00", "13:00", True),
        ("13:00", "15:00", "15:00", False),
        ("13:00", "13:00", "13:00", False),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kathmandu"])
def test_quiet_hours_are_by_the_persons_own_clock(
    begin: str, end: str, at: str, quiet: bool, zone: str
) -> None:
    policy = Policy(zone, quiet_from=time.fromisoformat(begin), quiet_until=time.fromisoformat(end))
    there = datetime.combine(datetime(2026, 7, 1, tzinfo=UTC), time.fromisoformat(at), tzinfo=ZoneInfo(zone))
    assert is_quiet(policy, there.astimezone(UTC)) is quiet


def test_in_an_unknown_time_zone_nobody_is_kept_out() -> None:
    always = Policy("Nowhere/Land", quiet_from=time(0), quiet_until=time(23, 59, 59))
    assert not is_quiet(always, NOON)


@pytest.mark.parametrize(
    ("number", "near", "is_one"),
    [
        ("911", "+12025550100", True),
        ("112", "+442079460000", True),
        ("999", "+442079460000", True),
        ("999", "+12025550100", False),
        ("911", "sip:margaret@example.org", False),
        ("+12025550112", "+12025550100", False),
    ],
)
def test_emergency_numbers_are_those_of_the_country(number: str, near: str, is_one: bool) -> None:
    assert is_emergency_number(number, near=near) is is_one


@pytest.mark.parametrize("raw", ["911", "+911", " 911 "])
def test_a_services_short_number_is_no_withheld_one(raw: str) -> None:
    assert caller_number(raw) == "911"
