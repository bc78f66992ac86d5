import re
from itertools import pairwise, permutations
from uuid import UUID, uuid4

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.alerts import (
    ESCALATION_SECONDS,
    Contact,
    DeliveryStatus,
    delivery_status,
    may_follow,
    message,
    plan,
)
from callguard.domain.caller import WITHHELD, caller_number
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType

WARNING, DANGER = AlertLevel.WARNING, AlertLevel.DANGER
DAUGHTER = Contact(uuid4(), "Anna", "+12025550111", 1)
SON = Contact(uuid4(), "Ben", "+12025550112", 2)
NEIGHBOUR = Contact(uuid4(), "Carl", "+12025550113", 3)
FAMILY = [NEIGHBOUR, DAUGHTER, SON]
CALLER = "+12025550199"

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
        planned = plan(DANGER, FAMILY, [], [])

        assert [p.contact for p in planned] == [DAUGHTER, SON, NEIGHBOUR]
        assert {(p.level, p.delay_seconds) for p in planned} == {(DANGER, 0)}

    def test_a_warning_asks_one_after_the_other_by_priority(self) -> None:
        planned = plan(WARNING, FAMILY, [], [])

        assert ESCALATION_SECONDS == 60
        assert [(p.contact, p.delay_seconds) for p in planned] == [(DAUGHTER, 0), (SON, 60), (NEIGHBOUR, 120)]

    @pytest.mark.parametrize("level", AlertLevel)
    def test_a_second_verdict_of_a_level_tells_nobody_twice(self, level: AlertLevel) -> None:
        assert plan(level, FAMILY, [(c.id, level) for c in FAMILY], []) == ()

    def test_a_danger_after_a_warning_tells_everybody(self) -> None:
        assert len(plan(DANGER, FAMILY, [(c.id, WARNING) for c in FAMILY], [])) == 3

    def test_a_warning_after_a_danger_tells_nobody(self) -> None:
        assert plan(WARNING, FAMILY, [(c.id, DANGER) for c in FAMILY], []) == ()

    def test_a_contact_added_during_the_call_waits_for_its_turn(self) -> None:
        planned = plan(WARNING, FAMILY, [(DAUGHTER.id, WARNING), (SON.id, WARNING)], [])

        assert [(p.contact, p.delay_seconds) for p in planned] == [(NEIGHBOUR, 120)]

    def test_neither_the_caller_nor_the_person_is_told(self) -> None:
        planned = plan(WARNING, FAMILY, [], [DAUGHTER.phone_number, CALLER])

        assert [(p.contact, p.delay_seconds) for p in planned] == [(SON, 0), (NEIGHBOUR, 60)]

    @given(st.sampled_from(AlertLevel), contacts, st.data())
    def test_the_policy_holds_for_any_family(
        self, level: AlertLevel, family: list[Contact], data: st.DataObject
    ) -> None:
        ids = [c.id for c in family] or [UUID(int=0)]
        told = set(data.draw(st.lists(st.tuples(st.sampled_from(ids), st.sampled_from(AlertLevel)))))
        excluded = data.draw(st.sets(st.sampled_from([c.phone_number for c in family] or [CALLER])))

        planned = plan(level, family, told, excluded)

        assert plan(level, data.draw(st.permutations(family)), told, excluded) == planned
        assert {p.contact.id for p in planned} == {
            c.id
            for c in family
            if c.phone_number not in excluded and not {(c.id, level), (c.id, DANGER)} & told
        }
        delays = [p.delay_seconds for p in planned]
        if level is DANGER:
            assert set(delays) <= {0}
        else:
            assert all(later - earlier >= ESCALATION_SECONDS for earlier, later in pairwise(delays))


LONDON = "+442079460123"
NAMES = [
    "Margaret",
    "José",
    "Łucja Şahin",
    "Мария Иванова",
    "李明",
    "राम कुमार",
    "👵 Nan",
    "A" * 200,
    "É" * 200,
    "李" * 200,
    "𠀀" * 200,
    "€" * 200,
    "",
]


def segments(text: str) -> int:
    return len(smsutil.split(text).parts)


class TestMessage:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("level", AlertLevel)
    @pytest.mark.parametrize("fraud_type", [None, *FraudType])
    def test_it_is_two_segments_at_most(
        self, level: AlertLevel, fraud_type: FraudType | None, name: str
    ) -> None:
        assert segments(message(level, name, LONDON, fraud_type, "A1B2C3")) <= 2

    @given(
        st.sampled_from(AlertLevel),
        st.text(),
        (st.text() | st.integers(10**7, 10**15 - 1).map("+{}".format)).map(caller_number),
        st.sampled_from(FraudType),
    )
    def test_it_is_two_segments_at_most_and_without_a_link_for_any_name_and_caller(
        self, level: AlertLevel, name: str, caller: str, fraud_type: FraudType
    ) -> None:
        text = message(level, name, caller, fraud_type, "A1B2C3")

        assert segments(text) <= 2
        assert not set(text) & set("/@?&=%\n")
        assert not re.search(r"\.\S", text)

    @pytest.mark.parametrize("level", AlertLevel)
    @pytest.mark.parametrize(
        "caller", ["sip:win@prize.example.com", "client:Pay-the-bank", "sips:prize.example", "SIP:a.example"]
    )
    def test_an_address_chosen_by_the_caller_stays_out(self, level: AlertLevel, caller: str) -> None:
        text = message(level, "Margaret", caller, None, "A1B2C3")

        assert not any(word in text for word in ("prize", "example", "Pay"))
        assert "no phone number" in text

    @pytest.mark.parametrize("level", AlertLevel)
    @pytest.mark.parametrize("name", ["Margaret", "Мария"])
    def test_it_says_who_is_called_by_whom_and_carries_its_reference(
        self, level: AlertLevel, name: str
    ) -> None:
        text = message(level, name, CALLER, FraudType.BANK, "A1B2C3")

        assert name in text
        assert "+1 202-555-0199" in text
        assert text.endswith("A1B2C3")

    @pytest.mark.parametrize("level", AlertLevel)
    @pytest.mark.parametrize("name", ["Margaret", "Мария"])
    def test_a_withheld_number_is_called_so(self, level: AlertLevel, name: str) -> None:
        assert "withheld number" in message(level, name, WITHHELD, None, "A1B2C3")

    def test_an_alert_is_not_a_warning(self) -> None:
        for name in ("Margaret", "Мария"):
            assert message(DANGER, name, CALLER, None, "A1").startswith("callguard ALERT: ")
            assert message(WARNING, name, CALLER, None, "A1").startswith("callguard warning: ")

    def test_a_person_without_a_name_is_spoken_of_all_the_same(self) -> None:
        assert "the person you look after" in message(DANGER, " ", CALLER, None, "A1")


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
