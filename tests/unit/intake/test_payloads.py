import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain import facts
from callguard.domain.caller import WITHHELD
from callguard.domain.facts import (
    AnyFact,
    CallArrived,
    ConferenceChanged,
    LegChanged,
    TranscriptionChanged,
    WordsHeard,
)
from callguard.errors import ProtocolError
from callguard.intake import payloads

CALL = "CA0123456789abcdef0123456789abcdef"
PARENT = "CAfedcba9876543210fedcba9876543210"
NOW = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)

# Every parameter that Twilio documents for the inbound voice webhook.
INCOMING = {
    "CallSid": CALL,
    "AccountSid": "AC0123456789abcdef0123456789abcdef",
    "From": "+12025550143",
    "To": "+12025550100",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "ApiVersion": "2010-04-01",
    "CallerName": "HALE MARGARET",
    "ForwardedFrom": "+12025550101",
    "CalledVia": "+12025550101",
    "CallToken": "%7B%22parentCallInfoToken%22%3A%22a%22%2C%22identityHeaderTokens%22%3A%5B%5D%7D",
    "StirVerstat": "TN-Validation-Passed-A-Diverted",
    "StirPassportToken": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
    "FromCity": "WASHINGTON",
    "FromState": "DC",
    "FromZip": "20001",
    "FromCountry": "US",
    "ToCity": "",
    "ToState": "DC",
    "ToZip": "",
    "ToCountry": "US",
    "Caller": "+12025550143",
    "Called": "+12025550100",
}
CONTENT = {
    "AccountSid": "AC0123456789abcdef0123456789abcdef",
    "CallSid": CALL,
    "TranscriptionSid": "GT0123456789abcdef0123456789abcdef",
    "Timestamp": "2026-05-01T09:30:01.250000Z",
    "SequenceId": "7",
    "TranscriptionEvent": "transcription-content",
    "Track": "inbound_track",
    "TranscriptionData": json.dumps({"transcript": "read me the code", "confidence": 0.97}),
    "Final": "true",
    "LanguageCode": "en-US",
}
HEARD = WordsHeard(
    call_sid=CALL,
    transcription_sid="GT0123456789abcdef0123456789abcdef",
    sequence=7,
    track="inbound_track",
    text="read me the code",
    is_final=True,
    confidence=0.97,
    stability=None,
    spoken_at=datetime(2026, 5, 1, 9, 30, 1, 250_000, tzinfo=UTC),
    language="en",
)
# The names of the product's first version.
OLDER = {
    "CallSid": CALL,
    "TranscriptionSid": "GT0123456789abcdef0123456789abcdef",
    "TranscriptionText": "read me the code",
    "IsFinal": "true",
    "SequenceNumber": "7",
    "Track": "inbound_track",
}
values = st.text().map(lambda text: text.replace("\0", ""))
unknown_parameters = st.dictionaries(st.text().map("X{}".format), values)


def without(form: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in form.items() if name not in names}


def heard(form: dict[str, str]) -> WordsHeard:
    fact = payloads.transcription(form)
    assert isinstance(fact, WordsHeard)
    return fact


class TestCallArrived:
    def test_each_parameter_finds_its_place(self) -> None:
        assert payloads.call_arrived(INCOMING, NOW) == CallArrived(
            call_sid=CALL,
            conference_name="",
            caller="+12025550143",
            called="+12025550100",
            raw_from="+12025550143",
            forwarded_from="+12025550101",
            stir_verstat="TN-Validation-Passed-A-Diverted",
            call_token=INCOMING["CallToken"],
            dialled_directly=False,
            arrived_at=NOW,
        )

    def test_what_carriers_often_leave_out_may_be_absent_or_empty(self) -> None:
        names = ("ForwardedFrom", "CallToken", "StirVerstat", "StirPassportToken", "CallerName")
        absent = payloads.call_arrived(without(INCOMING, *names), NOW)

        assert (absent.forwarded_from, absent.call_token, absent.stir_verstat) == (None, None, None)
        assert payloads.call_arrived(INCOMING | dict.fromkeys(names, ""), NOW) == absent

    @pytest.mark.parametrize("raw", ["anonymous", "+266696687", "", "Restricted"])
    def test_a_withheld_caller_is_stored_as_such_and_dialled_with_what_came(self, raw: str) -> None:
        fact = payloads.call_arrived(INCOMING | {"From": raw}, NOW)

        assert (fact.caller, fact.raw_from) == (WITHHELD, raw)

    def test_a_call_without_any_caller_is_a_call(self) -> None:
        assert payloads.call_arrived(without(INCOMING, "From"), NOW).caller == WITHHELD

    @pytest.mark.parametrize(
        ("raw", "called"),
        [("+1 202 555 0100", "+12025550100"), ("sip:home@example.org", "sip:home@example.org")],
    )
    def test_the_called_number_is_found_in_one_form(self, raw: str, called: str) -> None:
        assert payloads.call_arrived(INCOMING | {"To": raw}, NOW).called == called

    @pytest.mark.parametrize("missing", ["CallSid", "To"])
    def test_a_call_needs_an_id_and_a_called_number(self, missing: str) -> None:
        with pytest.raises(ProtocolError, match=missing):
            payloads.call_arrived(without(INCOMING, missing), NOW)

    @pytest.mark.promise("A5")
    @given(unknown_parameters)
    def test_unknown_parameters_are_let_pass(self, more: dict[str, str]) -> None:
        assert payloads.call_arrived(more | INCOMING, NOW) == payloads.call_arrived(INCOMING, NOW)


@pytest.mark.parametrize(
    "sid",
    [
        "",
        "CA",
        CALL[:-1],
        CALL + "0",
        CALL + "\n",
        CALL.upper(),
        "CA" + "g" * 32,
        "GT" + CALL[2:],
        " " + CALL,
    ],
)
def test_a_call_is_named_by_ca_and_32_digits(sid: str) -> None:
    with pytest.raises(ProtocolError, match="CallSid"):
        payloads.call_sid({"CallSid": sid})


class TestTranscription:
    def test_a_final_of_twilio(self) -> None:
        assert payloads.transcription(CONTENT) == HEARD

    @pytest.mark.parametrize("tag", ["multi", "", "x"])
    def test_a_tag_that_names_no_language_says_nothing(self, tag: str) -> None:
        heard = payloads.transcription(CONTENT | {"LanguageCode": tag})

        assert isinstance(heard, WordsHeard)
        assert heard.language is None

    def test_a_partial_of_twilio(self) -> None:
        form = CONTENT | {
            "Final": "false",
            "Stability": "0.9",
            "TranscriptionData": '{"transcript": "read me"}',
            "Track": "outbound_track",
        }
        fact = heard(form)

        assert (fact.is_final, fact.text, fact.track) == (False, "read me", "outbound_track")
        assert (fact.stability, fact.confidence) == (0.9, None)

    def test_the_older_names(self) -> None:
        fact = heard(OLDER)

        assert (fact.text, fact.is_final, fact.sequence) == (HEARD.text, True, 7)
        assert (fact.transcription_sid, fact.track) == (HEARD.transcription_sid, "inbound_track")
        assert heard(OLDER | {"IsFinal": "false"}).is_final is False

    def test_the_older_names_without_a_session_and_a_track(self) -> None:
        fact = heard(without(OLDER, "TranscriptionSid", "Track"))

        assert fact.transcription_sid == heard(without(OLDER, "TranscriptionSid")).transcription_sid
        assert fact.track == "inbound_track"

    @pytest.mark.parametrize(
        ("raw", "final"), [("true", True), ("True", True), ("false", False), ("", False), ("no", False)]
    )
    def test_final_is_a_word(self, raw: str, final: bool) -> None:
        assert heard(CONTENT | {"Final": raw}).is_final is final

    @pytest.mark.parametrize(
        ("event", "state"),
        [
            ("transcription-started", "started"),
            ("transcription-stopped", "stopped"),
            ("transcription-error", "failed"),
        ],
    )
    def test_the_states_of_a_transcription(self, event: str, state: str) -> None:
        form = without(CONTENT, "TranscriptionData", "Final", "Track", "SequenceId") | {
            "TranscriptionEvent": event
        }

        assert payloads.transcription(form) == TranscriptionChanged(
            call_sid=CALL, state=state, transcription_sid=form["TranscriptionSid"]
        )

    def test_an_error_keeps_its_code_and_not_its_text(self) -> None:
        form = {
            "CallSid": CALL,
            "TranscriptionEvent": "transcription-error",
            "TranscriptionErrorCode": "32655",
            "TranscriptionError": "text",
        }

        assert payloads.transcription(form) == TranscriptionChanged(
            call_sid=CALL, state="failed", error="32655"
        )

    @pytest.mark.parametrize(
        "more", [{"TranscriptionEvent": "transcription-summary"}, {"Track": "both_tracks"}, {"Track": ""}]
    )
    def test_events_and_tracks_of_new_kinds_are_let_pass(self, more: dict[str, str]) -> None:
        assert payloads.transcription(CONTENT | more) is None

    @given(unknown_parameters)
    def test_unknown_parameters_are_let_pass(self, more: dict[str, str]) -> None:
        assert payloads.transcription(more | CONTENT) == HEARD

    @pytest.mark.parametrize(
        "data",
        [
            "",
            "not json",
            "[]",
            '"words"',
            "null",
            '{"transcript": 5}',
            '{"transcript": null}',
            '{"a":' + "[" * 9999,
        ],
    )
    def test_data_that_twilio_does_not_send_is_refused(self, data: str) -> None:
        with pytest.raises(ProtocolError, match="TranscriptionData"):
            payloads.transcription(CONTENT | {"TranscriptionData": data})

    @pytest.mark.parametrize(
        ("data", "text", "confidence"),
        [
            ('{"transcript": "hello", "confidence": "0.5"}', "hello", 0.5),
            ('{"transcript": "hello", "confidence": null}', "hello", None),
            ('{"transcript": "hello", "words": [{"word": "hello"}]}', "hello", None),
            ('{"confidence": 0.5}', "", 0.5),
            ('{"transcript": "gift\\u0000 cards"}', "gift cards", None),
            ('{"transcript": "caf\\u00e9 \\ud83d\\ude00"}', "café 😀", None),
        ],
    )
    def test_data_that_is_a_little_different_is_read(
        self, data: str, text: str, confidence: float | None
    ) -> None:
        fact = heard(CONTENT | {"TranscriptionData": data})

        assert (fact.text, fact.confidence) == (text, confidence)

    @pytest.mark.parametrize("raw", [None, "", "x", "-1", "1.5", "1e3", "٣", "²", "1" * 10, " 1"])
    def test_content_needs_a_whole_sequence_number(self, raw: str | None) -> None:
        form = without(CONTENT, "SequenceId") | ({} if raw is None else {"SequenceId": raw})

        with pytest.raises(ProtocolError, match="SequenceId"):
            payloads.transcription(form)

    @pytest.mark.parametrize(
        ("raw", "moment"),
        [
            ("2026-05-01T09:30:01Z", datetime(2026, 5, 1, 9, 30, 1, tzinfo=UTC)),
            ("2026-05-01T11:30:01+02:00", datetime(2026, 5, 1, 9, 30, 1, tzinfo=UTC)),
            ("2026-05-01T09:30:01", datetime(2026, 5, 1, 9, 30, 1, tzinfo=UTC)),
            ("yesterday", None),
            ("", None),
        ],
    )
    def test_a_moment_is_read_or_left_out(self, raw: str, moment: datetime | None) -> None:
        assert heard(CONTENT | {"Timestamp": raw}).spoken_at == moment

    def test_a_stability_that_is_no_number_is_left_out(self) -> None:
        assert heard(CONTENT | {"Stability": "high"}).stability is None

    def test_it_needs_a_call(self) -> None:
        with pytest.raises(ProtocolError, match="CallSid"):
            payloads.transcription(without(CONTENT, "CallSid"))


class TestLegChanged:
    def test_of_the_caller(self) -> None:
        assert payloads.leg_changed({"CallSid": CALL, "CallStatus": "completed"}, None) == LegChanged(
            call_sid=CALL, leg_sid=None, status="completed"
        )

    def test_of_a_leg_that_was_dialled_for_a_call(self) -> None:
        assert payloads.leg_changed({"CallSid": CALL, "CallStatus": "busy"}, PARENT) == LegChanged(
            call_sid=PARENT, leg_sid=CALL, status="busy"
        )

    @pytest.mark.parametrize("status", ["", "pondering"])
    def test_a_status_of_a_new_kind_is_let_pass(self, status: str) -> None:
        assert payloads.leg_changed({"CallSid": CALL, "CallStatus": status}, None) is None

    @pytest.mark.parametrize("parent", ["", "CA", "x" * 34])
    def test_a_parent_must_be_a_call(self, parent: str) -> None:
        with pytest.raises(ProtocolError):
            payloads.leg_changed({"CallSid": CALL, "CallStatus": "busy"}, parent)


class TestConferenceChanged:
    def test_somebody_joined(self) -> None:
        form = {
            "ConferenceSid": "CF0123456789abcdef0123456789abcdef",
            "CallSid": CALL,
            "StatusCallbackEvent": "participant-join",
            "ParticipantLabel": "person",
            "SequenceNumber": "2",
        }

        assert payloads.conference_changed(form, PARENT) == ConferenceChanged(
            call_sid=PARENT, event="participant-join", label="person", leg_sid=CALL
        )

    def test_the_end_names_nobody(self) -> None:
        fact = payloads.conference_changed({"StatusCallbackEvent": "conference-end"}, PARENT)

        assert (fact.event, fact.label) == ("conference-end", None)

    def test_it_needs_the_call_it_belongs_to(self) -> None:
        with pytest.raises(ProtocolError):
            payloads.conference_changed({"StatusCallbackEvent": "conference-end"}, "")


KNOWN = [
    *INCOMING,
    *CONTENT,
    *OLDER,
    "Stability",
    "StatusCallbackEvent",
    "ParticipantLabel",
    "SpeechResult",
    "Digits",
    "RecordingSid",
]


@given(
    st.dictionaries(
        st.sampled_from(KNOWN), st.text() | st.sampled_from([*INCOMING.values(), *CONTENT.values()])
    )
)
def test_whatever_comes_is_a_fact_that_can_be_kept_or_a_protocol_error(form: dict[str, str]) -> None:
    def read() -> list[AnyFact | None]:
        return [
            payloads.call_arrived(form, NOW),
            payloads.transcription(form),
            payloads.leg_changed(form, None),
            payloads.conference_changed(form, CALL),
            payloads.caller_screened(form, NOW),
            payloads.connection_chosen(form),
            payloads.message_recorded(form),
        ]

    form = {"CallSid": CALL} | form
    try:
        found = read()
    except ProtocolError:
        return
    for fact in found:
        assert fact is None or facts.decode(facts.encode(fact)) is not None
