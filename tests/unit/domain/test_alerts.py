from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, permutations
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.alerts import (
    ESCALATION_SECONDS,
    Caps,
    Contact,
    DeliveryStatus,
    HeldBack,
    PlannedAlert,
    delivery_status,
    may_follow,
    plan,
)
from callguard.domain.scoring import AlertLevel

WARNING, DANGER = AlertLevel.WARNING, AlertLevel.DANGER
DAUGHTER = Contact(uuid4(), "Anna", "+12025550111", 1)
SON = Contact(uuid4(), "Ben", "+12025550112", 2)
NEIGHBOUR = Contact(uuid4(), "Carl", "+12025550113", 3)
FAMILY = [NEIGHBOUR, DAUGHTER, SON]
CALLER = "+12025550199"
NOW = datetime(2026, 1, 2, 14, 0, tzinfo=UTC)


def told(
    level: AlertLevel,
    family: Iterable[Contact],
    already: Iterable[tuple[UUID, AlertLevel]] = (),
    excluded: Iterable[str] = (),
) -> list[PlannedAlert]:
    """Those who get something."""
    return [p for p in plan(level, family, already, excluded, NOW) if p.held_back is None]


def held_back(level: AlertLevel, *family: Contact, tenant_warnings: int = 0) -> dict[str, HeldBack]:
    """Those who get nothing, and why."""
    planned = plan(level, family, [], [CALLER], NOW, tenant_warnings=tenant_warnings)
    return {p.contact.name: p.held_back for p in planned if p.held_back is not None}


contacts = st.lists(
    st.builds(
        Contact,
        id=st.uuids(),
        name=st.text(max_size=5),
        phone_number=st.integers(10, 40).map("+120255501{}".format),
        priority=st.integers(1, 3),
    ),
    max_size=8,
    unique_by=lambda contact: contact.id,
)


class TestPlan:
    def test_danger_reaches_everybody_at_once(self) -> None:
        planned = told(DANGER, FAMILY)

        assert [p.contact for p in planned] == [DAUGHTER, SON, NEIGHBOUR]
        assert {(p.level, p.delay_seconds) for p in planned} == {(DANGER, 0)}

    def test_a_warning_asks_one_after_the_other_by_priority(self) -> None:
        planned = told(WARNING, FAMILY)

        assert ESCALATION_SECONDS == 60
        assert [(p.contact, p.delay_seconds) for p in planned] == [(DAUGHTER, 0), (SON, 60), (NEIGHBOUR, 120)]

    @pytest.mark.parametrize("level", AlertLevel)
    def test_a_second_verdict_of_a_level_tells_nobody_twice(self, level: AlertLevel) -> None:
        assert told(level, FAMILY, [(c.id, level) for c in FAMILY]) == []

    def test_a_danger_after_a_warning_tells_everybody(self) -> None:
        assert len(told(DANGER, FAMILY, [(c.id, WARNING) for c in FAMILY])) == 3

    def test_a_warning_after_a_danger_tells_nobody(self) -> None:
        assert told(WARNING, FAMILY, [(c.id, DANGER) for c in FAMILY]) == []

    def test_a_contact_added_during_the_call_waits_for_its_turn(self) -> None:
        planned = told(WARNING, FAMILY, [(DAUGHTER.id, WARNING), (SON.id, WARNING)])

        assert [(p.contact, p.delay_seconds) for p in planned] == [(NEIGHBOUR, 120)]

    def test_neither_the_caller_nor_the_person_is_told(self) -> None:
        planned = told(WARNING, FAMILY, [], [DAUGHTER.phone_number, CALLER])

        assert [(p.contact, p.delay_seconds) for p in planned] == [(SON, 0), (NEIGHBOUR, 60)]

    @given(st.sampled_from(AlertLevel), contacts, st.data())
    def test_the_policy_holds_for_any_family(
        self, level: AlertLevel, family: list[Contact], data: st.DataObject
    ) -> None:
        ids = [c.id for c in family] or [UUID(int=0)]
        already = set(data.draw(st.lists(st.tuples(st.sampled_from(ids), st.sampled_from(AlertLevel)))))
        excluded = data.draw(st.sets(st.sampled_from([c.phone_number for c in family] or [CALLER])))

        planned = told(level, family, already, excluded)

        assert told(level, data.draw(st.permutations(family)), already, excluded) == planned
        assert {p.contact.id for p in planned} == {
            c.id
            for c in family
            if c.phone_number not in excluded and not {(c.id, level), (c.id, DANGER)} & already
        }
        delays = [p.delay_seconds for p in planned]
        if level is DANGER:
            assert set(delays) <= {0}
        else:
            assert all(later - earlier >= ESCALATION_SECONDS for earlier, later in pairwise(delays))


class TestHeldBack:
    def test_the_caller_and_the_persons_own_numbers_are_never_told(self) -> None:
        for level in AlertLevel:
            assert held_back(level, DAUGHTER, replace(SON, phone_number=CALLER)) == {
                "Ben": HeldBack.OWN_NUMBER
            }

    def test_a_contact_may_want_danger_alone(self) -> None:
        quiet = replace(SON, danger_only=True)
        assert held_back(WARNING, DAUGHTER, quiet) == {"Ben": HeldBack.DANGER_ONLY}
        assert held_back(DANGER, DAUGHTER, quiet) == {}

    @pytest.mark.parametrize(
        ("zone", "sleeps"), [("UTC", False), ("Asia/Tokyo", True), ("Nowhere/At_all", False)]
    )
    def test_warnings_leave_quiet_hours_alone_by_the_contacts_own_clock(
        self, zone: str, sleeps: bool
    ) -> None:
        quiet = replace(SON, quiet_from=time(22), quiet_until=time(7), time_zone=zone)
        assert held_back(WARNING, quiet) == ({"Ben": HeldBack.QUIET_HOURS} if sleeps else {})
        assert held_back(DANGER, quiet) == {}

    def test_who_does_not_want_warnings_does_not_delay_the_next(self) -> None:
        planned = told(WARNING, [replace(DAUGHTER, danger_only=True), SON, NEIGHBOUR])
        assert [(p.contact, p.delay_seconds) for p in planned] == [(SON, 0), (NEIGHBOUR, 60)]

    def test_warnings_have_caps_and_danger_has_none(self) -> None:
        """A11, A22: no storm of warnings, and no danger lost to one."""
        caps = Caps()
        for often in (
            replace(SON, warned_this_hour=caps.contact_hour),
            replace(SON, warned_this_day=caps.contact_day),
        ):
            assert held_back(WARNING, DAUGHTER, often) == {"Ben": HeldBack.CAPPED}
            assert held_back(DANGER, DAUGHTER, often) == {}

    def test_a_tenants_last_warnings_go_to_the_first_contacts(self) -> None:
        left = Caps().tenant_day - 1
        assert held_back(WARNING, DAUGHTER, SON, NEIGHBOUR, tenant_warnings=left) == {
            "Ben": HeldBack.CAPPED,
            "Carl": HeldBack.CAPPED,
        }
        assert held_back(DANGER, DAUGHTER, SON, NEIGHBOUR, tenant_warnings=left + 99) == {}

    def test_numbers_that_have_not_confirmed_themselves_get_nothing_while_others_have(self) -> None:
        """A22, A23."""
        for level in AlertLevel:
            assert held_back(level, DAUGHTER, replace(SON, verified=False)) == {"Ben": HeldBack.UNVERIFIED}

    def test_danger_goes_to_them_where_nobody_else_could_be_told(self) -> None:
        new = [replace(c, verified=False) for c in (DAUGHTER, SON)]
        assert held_back(DANGER, *new) == {}
        assert held_back(DANGER, *new, replace(NEIGHBOUR, phone_number=CALLER)) == {
            "Carl": HeldBack.OWN_NUMBER
        }
        assert set(held_back(WARNING, *new).values()) == {HeldBack.UNVERIFIED}

    def test_who_opted_out_before_confirming_is_left_alone(self) -> None:
        gone = replace(SON, verified=False, opted_out=True)
        assert held_back(DANGER, gone) == {"Ben": HeldBack.UNVERIFIED}

    @given(contacts, st.data())
    def test_danger_is_never_lost_while_anybody_may_be_told(
        self, family: list[Contact], data: st.DataObject
    ) -> None:
        family = [
            replace(
                contact,
                verified=data.draw(st.booleans()),
                opted_out=data.draw(st.booleans()),
                danger_only=data.draw(st.booleans()),
                warned_this_hour=data.draw(st.integers(0, 9)),
                quiet_from=(NOW - timedelta(hours=1)).time(),
                quiet_until=(NOW + timedelta(hours=1)).time(),
            )
            for contact in family
        ]
        planned = told(DANGER, family, [], [CALLER])

        verified = {c.id for c in family if c.verified}
        others = {c.id for c in family if not c.opted_out}
        assert {p.contact.id for p in planned} == (verified or others)


# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
TWILIO = {
    "accepted": DeliveryStatus.SENT,
    "scheduled": DeliveryStatus.SENT,
    "queued": DeliveryStatus.SENT,
    "sending": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "partially_delivered": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "undelivered": DeliveryStatus.UNDELIVERED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}


class TestDeliveryStatus:
    @pytest.mark.parametrize(("twilio", "ours"), TWILIO.items())
    def test_each_status_of_twilio_has_one_of_ours(self, twilio: str, ours: DeliveryStatus) -> None:
        assert delivery_status(twilio) is ours

    @pytest.mark.promise("F6")
    @pytest.mark.parametrize("last", ["delivered", "undelivered", "failed"])
    def test_callbacks_in_any_order_and_twice_never_move_an_alert_back(self, last: str) -> None:
        for order in permutations(["queued", "sending", "sent", last, "sent"]):
            stored = [DeliveryStatus.SENDING]
            for told in map(delivery_status, order):
                stored.append(told if stored[-1] in may_follow(told) else stored[-1])

            ended = stored.index(delivery_status(last))
            assert set(stored[ended:]) == {delivery_status(last)}

    def test_no_two_statuses_follow_each_other_in_turn(self) -> None:
        for one, other in permutations(DeliveryStatus, 2):
            assert not (one in may_follow(other) and other in may_follow(one))

    @pytest.mark.parametrize("status", DeliveryStatus)
    def test_a_repeated_status_moves_nothing(self, status: DeliveryStatus) -> None:
        assert status not in may_follow(status)
