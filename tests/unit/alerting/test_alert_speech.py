from urllib.parse import parse_qs, urlsplit
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from callguard.alerting.speech import AlertSpeech, participant_label
from callguard.domain.reply_texts import Told
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType
from callguard.intake.twiml import LANGUAGE_CODES, RETRIED
from callguard.local.twilio.twiml import parse

SPEECH = AlertSpeech("https://calls.example.org")
ALERT = UUID(int=5)
# Twilio's limit on the parameter Twiml.
MOST_CHARACTERS = 4000
HOSTILE = "<Hangup/>\"'&amp; {{ 7 * 7 }} +1 555 李" * 20


@pytest.mark.parametrize("language", [*LANGUAGE_CODES, "xx"])
@pytest.mark.parametrize("level", AlertLevel)
@pytest.mark.parametrize("person", ["Margaret", "", HOSTILE])
@pytest.mark.parametrize("fraud_type", [None, *FraudType])
def test_a_spoken_alert_says_why_and_listens_for_a_key(
    language: str, level: AlertLevel, person: str, fraud_type: FraudType | None
) -> None:
    twiml = SPEECH.alert_call(ALERT, level, person, fraud_type, language)

    assert len(twiml) <= MOST_CHARACTERS
    assert parse(twiml).warnings == ()
    root = ET.fromstring(twiml)
    assert [element.tag for element in root] == ["Gather", "Gather", "Hangup"]
    for gather in root.iter("Gather"):
        assert gather.get("numDigits") == "1"
        action = urlsplit(gather.get("action", ""))
        assert (action.path, parse_qs(action.query)) == ("/alert-answer", {"alert": [str(ALERT)]})
        (say,) = gather
        assert say.get("language") == LANGUAGE_CODES.get(language, "en-US")
        assert all(key in (say.text or "") for key in "123")
        if person == "Margaret":
            assert "Margaret" in (say.text or "")


def test_an_alert_does_not_sound_like_a_warning() -> None:
    for language in LANGUAGE_CODES:
        danger, warning = (
            SPEECH.alert_call(ALERT, level, "Margaret", None, language)
            for level in (AlertLevel.DANGER, AlertLevel.WARNING)
        )
        assert danger != warning


@pytest.mark.parametrize("told", Told)
def test_what_a_key_brought_about_is_said(told: Told) -> None:
    assert parse(SPEECH.answered(told, "de")).warnings == ()


def test_who_is_connected_leaves_without_ending_the_call() -> None:
    conference = ET.fromstring(SPEECH.join_conference("User-1-2", participant_label(ALERT))).find(
        "Dial/Conference"
    )

    assert conference is not None
    assert conference.text == "User-1-2"
    assert conference.get("participantLabel") == f"contact-{ALERT}"
    assert conference.get("startConferenceOnEnter") == conference.get("endConferenceOnExit") == "false"


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_a_caller_on_hold_is_told_so_in_the_calls_language(language: str) -> None:
    assert parse(SPEECH.hold(language)).warnings == ()
    others = {SPEECH.hold(other) for other in LANGUAGE_CODES if other != language}
    assert SPEECH.hold(language) not in others
    assert SPEECH.hold_url(language) == f"https://calls.example.org/hold-announcement?language={language}"


def test_the_addresses_that_twilio_reports_to() -> None:
    assert (
        SPEECH.message_status_url("a&b") == f"https://calls.example.org/message-status?alert=a%26b{RETRIED}"
    )
    assert (
        SPEECH.call_status_url("a&b") == f"https://calls.example.org/alert-call-status?alert=a%26b{RETRIED}"
    )
