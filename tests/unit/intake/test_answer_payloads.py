"""What callers answer, choose and leave, and who answered a leg, as Twilio tells it."""

from datetime import UTC, datetime

import pytest

from callguard.domain.facts import CallerScreened, ConnectionChosen, LegAnsweredBy, MessageRecorded
from callguard.errors import ProtocolError
from callguard.intake import payloads

CALL = "CA0123456789abcdef0123456789abcdef"
PARENT = "CAfedcba9876543210fedcba9876543210"
NOW = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


class TestCallerScreened:
    @pytest.mark.parametrize(
        ("form", "said", "confidence"),
        [
            ({"SpeechResult": " It is Anna. ", "Confidence": "0.91"}, "It is Anna.", 0.91),
            ({"SpeechResult": "It is Anna."}, "It is Anna.", None),
            ({"SpeechResult": "It is Anna.", "Confidence": "high"}, "It is Anna.", None),
            ({"Digits": "5"}, "", None),
            ({"SpeechResult": "", "Digits": "", "Confidence": "0.0"}, None, None),
            ({}, None, None),
        ],
    )
    def test_words_a_key_or_silence(
        self, form: dict[str, str], said: str | None, confidence: float | None
    ) -> None:
        assert payloads.caller_screened({"CallSid": CALL} | form, NOW) == CallerScreened(
            call_sid=CALL, said=said, confidence=confidence, answered_at=NOW
        )

    def test_it_needs_a_call(self) -> None:
        with pytest.raises(ProtocolError):
            payloads.caller_screened({"SpeechResult": "It is Anna."}, NOW)


@pytest.mark.parametrize("digits", ["9", "1", "", "99", "*"])
def test_one_key_alone_chooses(digits: str) -> None:
    chosen = payloads.connection_chosen({"CallSid": CALL, "Digits": digits})
    assert chosen == (ConnectionChosen(call_sid=CALL) if digits == "9" else None)


class TestMessageRecorded:
    SID = "RE0123456789abcdef0123456789abcdef"

    @pytest.mark.parametrize(("raw", "seconds"), [("7", 7), ("", 0), ("-1", 0), ("x", 0), ("9" * 30, 0)])
    def test_a_message_lies_at_twilio(self, raw: str, seconds: int) -> None:
        form = {
            "CallSid": CALL,
            "RecordingSid": self.SID,
            "RecordingStatus": "completed",
            "RecordingDuration": raw,
        }
        assert payloads.message_recorded(form) == MessageRecorded(
            call_sid=CALL, recording_sid=self.SID, seconds=seconds
        )

    @pytest.mark.parametrize("status", ["absent", "failed", "in-progress"])
    def test_or_not_or_not_yet(self, status: str) -> None:
        form = {"CallSid": CALL, "RecordingSid": self.SID, "RecordingStatus": status}
        assert payloads.message_recorded(form) is None

    @pytest.mark.parametrize("sid", ["", "RE1", "CA" + "0" * 32, "RE" + "0" * 32 + "/../.."])
    def test_it_must_name_its_recording(self, sid: str) -> None:
        with pytest.raises(ProtocolError, match="RecordingSid"):
            payloads.message_recorded({"CallSid": CALL, "RecordingSid": sid})


@pytest.mark.parametrize("form", [{"AnsweredBy": "human"}, {}])
def test_who_answered_a_leg_is_told_in_twilios_words(form: dict[str, str]) -> None:
    assert payloads.leg_answered_by({"CallSid": CALL} | form, PARENT) == LegAnsweredBy(
        call_sid=PARENT, leg_sid=CALL, answered_by=form.get("AnsweredBy", "unknown")
    )
