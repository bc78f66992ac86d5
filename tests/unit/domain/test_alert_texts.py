"""What contacts read: two segments at the most, whoever calls whom in whichever language."""

import re

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.alert_texts import AlertText, Moment, alert_message, invitation_message
from callguard.domain.caller import WITHHELD, caller_number
from callguard.domain.replies import Action, Reply, parse
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType

LANGUAGES = ["en", "es", "fr", "de", "pt"]
CALLER, LONDON = "+12025550199", "+442079460123"
LINK = "https://calls.example.org/e/" + "x" * 32
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
SAID = "do not tell anyone about this call and do not hang up"


def segments(text: str) -> int:
    return len(smsutil.split(text).parts)


def text(
    level: AlertLevel = AlertLevel.DANGER,
    person: str = "Margaret",
    caller: str = CALLER,
    quotation: str | None = None,
    link: str | None = None,
) -> AlertText:
    return AlertText(level, person, caller, FraudType.BANK, "A1B2C3", quotation, link)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", AlertLevel)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_two_segments_at_most_for_each_kind_of_fraud(
    language: str, level: AlertLevel, moment: Moment, name: str
) -> None:
    for fraud_type in (None, *FraudType):
        alert = AlertText(level, name, LONDON, fraud_type, "A1B2C3", SAID, LINK, moment)

        assert segments(alert_message(alert, language)) <= 2


@given(
    st.sampled_from([*LANGUAGES, "tlh"]),
    st.sampled_from(AlertLevel),
    st.text(),
    (st.text() | st.integers(10**7, 10**15 - 1).map("+{}".format)).map(caller_number),
    st.sampled_from(FraudType),
    st.none()
    | st.text()
    | st.lists(st.sampled_from([*SAID.split(), "www.pay.me", "5551", "ça"])).map(" ".join),
    st.none() | st.integers(1, 300).map(lambda length: f"https://{'h' * length}.example/e/{'x' * 32}"),
)
def test_it_is_two_segments_at_most_and_carries_no_foreign_link_for_anything(
    language: str,
    level: AlertLevel,
    name: str,
    caller: str,
    fraud_type: FraudType,
    said: str | None,
    link: str | None,
) -> None:
    message = alert_message(AlertText(level, name, caller, fraud_type, "A1B2C3", said, link), language)

    assert segments(message) <= 2
    assert message.endswith(" A1B2C3")
    rest = message.replace(link, "") if link else message
    assert not set(rest) & set("/@&=%\n")
    assert not re.search(r"(?<!\.)\.[^\s.)\"]", rest)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", AlertLevel)
class TestEachLanguage:
    def test_a_message_says_who_what_by_whom_and_why(self, language: str, level: AlertLevel) -> None:
        message = alert_message(text(level, link=LINK), language)

        assert "Margaret" in message
        assert f" {LINK} " in message
        assert "+1 202-555-0199" in message
        assert "banc" in message.lower() or "ban" in message.lower()

    def test_its_reply_words_are_understood_and_stop_is_warned_of(
        self, language: str, level: AlertLevel
    ) -> None:
        for name in ("Margaret", "Мария"):
            message = alert_message(text(level, person=name), language)
            understood = [parse(f"{word} A1B2C3") for word in re.findall(r"\b[A-Z]{3,}\b", message)]

            assert Reply(Action.HANG_UP, "A1B2C3") in understood
            assert re.search(r"\(\w+ STOP\)", message)
            if name == "Margaret":
                assert {Action.SAFE, Action.CALL} <= {reply.action for reply in understood}

    def test_a_name_in_another_script_stays_and_so_does_the_link(
        self, language: str, level: AlertLevel
    ) -> None:
        message = alert_message(text(level, person="Мария", link=LINK), language)

        assert "Мария" in message
        if level is AlertLevel.DANGER:
            assert f" {LINK} " in message

    def test_a_quotation_stands_where_it_is_allowed(self, language: str, level: AlertLevel) -> None:
        assert "do not tell anyone" in alert_message(text(level, quotation=SAID, link=LINK), language)
        assert "tell" not in alert_message(text(level, link=LINK), language)

    def test_the_callers_number_may_be_withheld(self, language: str, level: AlertLevel) -> None:
        assert re.search(
            "withheld|oculto|masqué|unterdrückte", alert_message(text(level, caller=WITHHELD), language)
        )

    @pytest.mark.parametrize(
        "caller", ["sip:win@prize.example.com", "client:Pay-the-bank", "sips:prize.example", "SIP:a.example"]
    )
    def test_an_address_chosen_by_the_caller_stays_out(
        self, language: str, level: AlertLevel, caller: str
    ) -> None:
        message = alert_message(text(level, caller=caller), language)

        assert not any(word in message for word in ("prize", "example", "Pay"))


def test_an_alert_is_not_a_warning() -> None:
    for name in ("Margaret", "Мария"):
        assert alert_message(text(AlertLevel.DANGER, person=name), "en").startswith("callguard ALERT: ")
        assert alert_message(text(AlertLevel.WARNING, person=name), "en").startswith("callguard warning: ")


def test_a_person_without_a_name_is_spoken_of_all_the_same() -> None:
    assert "the person you look after" in alert_message(text(person=" "), "en")


@given(st.sampled_from([*LANGUAGES, "tlh"]), st.text())
def test_an_invitation_is_two_segments_of_gsm_7_and_its_answer_is_understood(
    language: str, name: str
) -> None:
    message = invitation_message(name, "A1B2C3", language)

    assert segments(message) <= 2
    assert smsutil.is_valid_gsm(message)
    (word,) = re.findall(r"\b([A-Z]{2,3}) A1B2C3", message)
    assert parse(f"{word} a1b2c3") == Reply(Action.YES, "A1B2C3")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", AlertLevel)
def test_of_a_call_that_is_over_nobody_is_told_that_it_goes_on_nor_to_end_it(
    language: str, level: AlertLevel
) -> None:
    by_moment = {
        moment: alert_message(
            AlertText(level, "Margaret", CALLER, FraudType.BANK, "A1B2C3", link=LINK, moment=moment), language
        )
        for moment in Moment
    }
    assert len(set(by_moment.values())) == len(Moment)
    for moment, message in by_moment.items():
        offered = {parse(word).action for word in re.findall(r"[A-Z]{3,}", message)}
        assert (Action.HANG_UP in offered) is (moment is Moment.LIVE), message
        assert LINK in message
        assert message.endswith("A1B2C3")
