"""Notices: who hears of what, when, and in words that fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain import sms
from callguard.domain.listening import Fault
from callguard.domain.notices import (
    MOST_GSM_7,
    URGENT_SECONDS,
    Kind,
    Recipient,
    delay_seconds,
    kinds_for,
    sentences,
    subject,
    text_message,
)

LANGUAGES = ("en", "es", "fr", "de", "pt")
KINDS = (*Kind, *Fault)
kinds_lists = st.lists(st.sampled_from(KINDS), min_size=1, max_size=8)


@given(kinds=kinds_lists, person=st.text(max_size=60), language=st.sampled_from(LANGUAGES))
def test_a_text_message_is_two_segments_at_the_most(kinds: list[str], person: str, language: str) -> None:
    text = text_message(kinds, person, language)

    assert text.startswith("callguard: ")
    assert len(text) <= MOST_GSM_7 if sms.fits_gsm_7(text) else len(text.encode("utf-16-be")) <= 268


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*KINDS, "something_new"])
def test_each_kind_has_a_sentence_of_its_own_language_that_fits_an_sms(kind: str, language: str) -> None:
    (said,) = sentences([kind], "Margaret", language)

    assert "Margaret" in said
    assert text_message([kind], "Margaret", language) == f"callguard: {sms.plain(said)}"
    english = sentences([kind], "Margaret", "en")[0]
    assert language == "en" or said != english
    assert language == "en" or subject(language) != subject("en")


def test_what_does_not_fit_is_counted() -> None:
    text = text_message(list(Kind), "Margaret", "en")

    assert text.endswith("(+5)")


def test_all_faults_of_listening_are_one_sentence() -> None:
    assert len(sentences(Fault, "Margaret", "en")) == 1


def test_a_name_of_no_letters_is_left_out() -> None:
    (said,) = sentences([Kind.PROTECTION_ON], "http://+++", "en")

    assert "http" in said  # letters are all that is left of it
    assert "//" not in said
    assert "the person you look after" in sentences([Kind.PROTECTION_ON], "++", "en")[0]


def test_families_hear_what_they_can_use_and_the_operator_everything() -> None:
    happened = [Kind.VOICEMAIL, Kind.FORWARDING_LOOP, Fault.UNHEARD, Kind.VOICEMAIL, "something_new"]

    assert kinds_for(Recipient.OPERATOR, happened) == (
        *("voicemail", "forwarding_loop", "unheard", "something_new"),
    )
    for recipient in (Recipient.PERSON, Recipient.CONTACT):
        assert kinds_for(recipient, happened) == ("voicemail", "unheard")


def test_what_needs_the_operator_does_not_wait_for_others() -> None:
    assert (
        delay_seconds(Kind.ALERT_NOT_SENT, 300)
        == delay_seconds(Kind.CONTACT_OPTED_OUT, 300)
        == URGENT_SECONDS
    )
    assert delay_seconds(Kind.VOICEMAIL, 300) == delay_seconds(Fault.AUDIO_LOST, 300) == 300
