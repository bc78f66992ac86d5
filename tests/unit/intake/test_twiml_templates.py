import re
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.policy import Action, Consent
from callguard.intake.twiml import LANGUAGE_CODES, RETRIED, Twiml, language_code
from callguard.intake.wordings import announcement_played, consent_played
from callguard.trust.passes import PassIssuer

CALL = "CA0123456789abcdef0123456789abcdef"
NOW = 1_700_000_000.0
PASSES = PassIssuer(b"k" * 32)
HINTS = {"en": ["gift card", "stay on the line"], "de": ["enkeltrick"]}
TWIML = Twiml("https://calls.example.org", PASSES, HINTS)
HOSTILE = """<Hangup/>"'&amp;]]> <!-- {{ 7 * 7 }} {% raw %} é 李 👵"""

# https://www.twilio.com/docs/voice/twiml: what we use, with its attributes and what may stand in it.
_CALLBACK = "statusCallback statusCallbackEvent statusCallbackMethod"
ATTRIBUTES = {
    "Response": "",
    "Start": "",
    "Transcription": "name track inboundTrackLabel outboundTrackLabel statusCallbackUrl statusCallbackMethod"
    " languageCode partialResults transcriptionEngine speechModel profanityFilter hints"
    " enableAutomaticPunctuation intelligenceService enableProviderData",
    "Stream": "url name track statusCallback statusCallbackMethod",
    "Parameter": "name value",
    "Dial": "timeout answerOnBridge hangupOnStar action method callerId timeLimit",
    "Conference": "beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants"
    f" participantLabel record muted {_CALLBACK}",
    "Number": f"url method {_CALLBACK}",
    "Sip": f"url method {_CALLBACK}",
    "Client": f"url method {_CALLBACK}",
    "Say": "voice loop language",
    "Gather": "input numDigits timeout speechTimeout profanityFilter actionOnEmptyResult language hints"
    " action method",
    "Record": "maxLength timeout playBeep trim action method recordingStatusCallback"
    " recordingStatusCallbackMethod recordingStatusCallbackEvent",
    "Stop": "",
    "Pause": "length",
    "Reject": "reason",
    "Hangup": "",
}
NESTING = {
    "Response": {"Start", "Stop", "Dial", "Say", "Gather", "Record", "Pause", "Reject", "Hangup"},
    "Gather": {"Say"},
    "Stop": {"Transcription", "Stream"},
    "Start": {"Transcription", "Stream"},
    "Stream": {"Parameter"},
    "Dial": {"Conference", "Number", "Sip", "Client"},
}
CONFERENCE_EVENTS = {"start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"}

xml_text = st.text(alphabet=st.characters(exclude_categories=["C"]), min_size=1)


def read(twiml: str) -> Element:
    root = ET.fromstring(twiml.encode())
    assert root.tag == "Response"
    for element in root.iter():
        assert set(element.attrib) <= set(ATTRIBUTES[element.tag].split())
        assert {child.tag for child in element} <= NESTING.get(element.tag, set())
    return root


def bridged(
    twiml: Twiml = TWIML,
    *,
    call_sid: str = CALL,
    conference: str = "User-1-2",
    language: str = "en",
    consent: Consent = Consent.OFF,
) -> Element:
    return read(twiml.bridge(call_sid, conference, language, consent=consent, now=NOW))


def found(root: Element, path: str) -> Element:
    element = root.find(path)
    assert element is not None
    return element


def everything() -> list[str]:
    return [
        TWIML.bridge(CALL, "User-1-2", "en", consent=Consent.SPOKEN, now=NOW),
        TWIML.bridge(CALL, "User-1-2", "en", consent=Consent.OFF, now=NOW),
        TWIML.direct(CALL, "+12025550101", "en", NOW),
        TWIML.direct(CALL, "sip:margaret@example.org", "en", NOW, monitor=False),
        TWIML.bridge(CALL, "User-1-2", "en", consent=Consent.KEY, now=NOW),
        *(TWIML.turned_away(action, "en") for action in Action),
        TWIML.screen("en", ask=2),
        TWIML.voicemail("en", was_heard=True),
        TWIML.message_taken("en"),
        TWIML.who_calls(HOSTILE, "+12025550143", "en"),
        TWIML.unreachable("en"),
        TWIML.reject("busy"),
        TWIML.reject("rejected"),
    ]


def test_each_answer_is_xml_that_twilio_knows() -> None:
    for twiml in everything():
        read(twiml)
        assert twiml.startswith("<?xml")


def test_a_bridged_caller_waits_in_the_conference() -> None:
    conference = found(bridged(), "Dial/Conference")

    assert conference.text == "User-1-2"
    assert conference.get("participantLabel") == "caller"
    assert conference.get("startConferenceOnEnter") == "true"
    assert conference.get("endConferenceOnExit") == "true"
    assert conference.get("beep") == "false"
    assert set(conference.attrib["statusCallbackEvent"].split()) <= CONFERENCE_EVENTS
    assert {"end", "join"} <= set(conference.attrib["statusCallbackEvent"].split())


def test_what_happens_in_the_conference_is_told_for_this_call() -> None:
    url = urlsplit(found(bridged(), "Dial/Conference").attrib["statusCallback"])

    assert url.geturl().startswith("https://calls.example.org/conference-events?")
    assert parse_qs(url.query) == {"parent": [CALL]}


@pytest.mark.parametrize("direct", [False, True])
def test_words_and_audio_start_before_anybody_is_dialled(direct: bool) -> None:
    root = read(TWIML.direct(CALL, "+12025550101", "en", NOW)) if direct else bridged()

    assert [child.tag for child in root] == ["Start", "Start", "Dial"]
    transcription, stream = found(root, "Start/Transcription"), found(root, "Start/Stream")
    assert transcription.get("statusCallbackUrl") == f"https://calls.example.org/transcription{RETRIED}"
    assert transcription.get("partialResults") == "true"
    assert transcription.get("profanityFilter") == "false"
    assert transcription.get("track") == stream.get("track") == "both_tracks"
    assert stream.get("url") == "wss://calls.example.org/media-stream"


def test_a_stream_shows_a_pass_for_its_call_and_each_answer_has_another() -> None:
    tokens = [found(bridged(), "Start/Stream/Parameter[@name='token']").attrib["value"] for _ in range(2)]

    for token in tokens:
        valid = PASSES.check(token, NOW)
        assert valid is not None
        assert valid.call_sid == CALL
    assert len({PASSES.check(token, NOW) for token in tokens}) == 2


def test_a_stream_url_has_no_query_which_twilio_would_drop() -> None:
    for root in (bridged(), bridged(Twiml("http://127.0.0.1:8000", PASSES, {}))):
        assert "?" not in found(root, "Start/Stream").attrib["url"]
    assert found(root, "Start/Stream").get("url") == "ws://127.0.0.1:8000/media-stream"


@pytest.mark.parametrize(
    ("language", "hints"), [("en", "gift card,stay on the line"), ("de", "enkeltrick"), ("fr", "")]
)
def test_the_recogniser_gets_the_keywords_of_the_language(language: str, hints: str) -> None:
    transcription = found(bridged(language=language), "Start/Transcription")

    assert transcription.get("hints") == hints
    assert transcription.get("languageCode") == LANGUAGE_CODES[language]


def test_no_more_hints_than_twilio_takes() -> None:
    many = Twiml("https://calls.example.org", PASSES, {"en": [f"phrase {n}" for n in range(2000)]})

    assert len(found(bridged(many), "Start/Transcription").attrib["hints"].split(",")) <= 500


@pytest.mark.parametrize("language", [*LANGUAGE_CODES, "xx"])
def test_an_announcement_is_spoken_first_where_wanted(language: str) -> None:
    root = bridged(language=language, consent=Consent.SPOKEN)

    assert root[0].tag == "Say"
    assert root[0].text
    assert root[0].get("language") == language_code(language)
    assert bridged(language=language, consent=Consent.OFF).find("Say") is None


def test_an_offer_leads_elsewhere_by_its_key_and_on_without_one() -> None:
    root = bridged(language="fr", consent=Consent.KEY)

    assert [child.tag for child in root] == ["Gather", "Start", "Start", "Dial"]
    assert "tapez 9" in (found(root, "Gather/Say").text or "")
    url = urlsplit(root[0].attrib["action"])
    assert url.path == "/connection-choice"
    assert parse_qs(url.query) == {"conference": ["User-1-2"], "language": ["fr"]}


@pytest.mark.parametrize("language", [*LANGUAGE_CODES, "xx"])
def test_an_unknown_caller_is_asked_and_silence_is_an_answer_too(language: str) -> None:
    asked = {TWIML.screen(language, ask=ask) for ask in (1, 2)}

    assert len(asked) == 2
    for twiml in asked:
        (gather,) = read(twiml)
        assert set(gather.attrib["input"].split()) == {"speech", "dtmf"}
        assert gather.get("actionOnEmptyResult") == "true"
        assert gather.get("language") == language_code(language)
    query = parse_qs(urlsplit(read(TWIML.screen("de", ask=2))[0].attrib["action"]).query)
    assert query == {"ask": ["2"], "language": ["de"]}


@pytest.mark.parametrize("was_heard", [False, True])
@pytest.mark.parametrize("transcribe", [False, True])
def test_a_message_is_recorded_when_nobody_listens_any_more(was_heard: bool, transcribe: bool) -> None:
    twiml = Twiml("https://calls.example.org", PASSES, HINTS, transcribe=transcribe)
    xml = twiml.voicemail("de", was_heard=was_heard)
    root = read(xml)

    assert [child[0].tag for child in root.findall("Stop")] == (
        ([*(["Transcription"] if transcribe else []), "Stream"]) if was_heard else []
    )
    assert [child.tag for child in root if child.tag != "Stop"] == ["Say", "Record", "Hangup"]
    record = found(root, "Record")
    assert (
        record.get("recordingStatusCallback")
        == "https://calls.example.org/message-recorded#rc=4&rp=5xx,ct,rt"
    )
    assert urlsplit(record.attrib["action"]).path == "/message-taken"
    assert len(xml) < 4000


@pytest.mark.parametrize("language", [*LANGUAGE_CODES, "xx"])
def test_a_phone_that_asks_is_told_who_calls(language: str) -> None:
    told = "".join(read(TWIML.who_calls("Margaret", "+12025550143", language)).itertext())
    assert "Margaret" in told
    assert "+1 202-555-0143" in told
    assert "withheld" not in "".join(read(TWIML.who_calls("Margaret", "withheld", "fr")).itertext())


@pytest.mark.parametrize("language", [*LANGUAGE_CODES, "xx"])
def test_a_caller_who_reaches_nobody_is_told(language: str) -> None:
    twiml = TWIML.unreachable(language)
    root = read(twiml)

    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert root[0].text
    assert root[0].get("language") == language_code(language)
    assert len(twiml) < 4000  # the limit of a Twiml parameter


@pytest.mark.parametrize("reason", ["rejected", "busy"])
def test_a_call_is_rejected_with_a_reason(reason: str) -> None:
    root = read(TWIML.reject("busy" if reason == "busy" else "rejected"))

    assert [(child.tag, child.attrib) for child in root] == [("Reject", {"reason": reason})]


def test_a_call_without_database_dials_the_person() -> None:
    number = found(read(TWIML.direct(CALL, "+12025550101", "en", NOW)), "Dial/Number")

    assert number.text == "+12025550101"


@given(xml_text)
def test_no_value_breaks_out_of_its_place(value: str) -> None:
    hostile = Twiml("https://calls.example.org", PASSES, {"en": [value]})
    root = bridged(hostile, conference=value)

    assert found(root, "Dial/Conference").text == value
    assert found(root, "Start/Transcription").get("hints") == value
    assert found(read(hostile.direct(CALL, value, "en", NOW)), "Dial/Number").text == value
    url = found(bridged(hostile, call_sid=value), "Dial/Conference").attrib["statusCallback"]
    assert parse_qs(urlsplit(url).query, keep_blank_values=True) == {"parent": [value]}


def test_markup_in_a_value_is_text() -> None:
    root = bridged(Twiml("https://calls.example.org", PASSES, {"en": [HOSTILE]}), conference=HOSTILE)

    assert found(root, "Dial/Conference").text == HOSTILE
    assert root.find("Hangup") is None


def test_the_addresses_that_twilio_reports_to() -> None:
    assert TWIML.leg_status_url(CALL) == f"https://calls.example.org/call-status?parent={CALL}{RETRIED}"


@pytest.mark.parametrize("code", LANGUAGE_CODES.values())
def test_languages_are_named_as_twilio_names_them(code: str) -> None:
    assert re.fullmatch(r"[a-z]{2}-[A-Z]{2}", code)


@pytest.mark.parametrize("direct", [False, True])
def test_where_the_words_are_recognised_here_twilio_is_asked_for_audio_alone(direct: bool) -> None:
    alone = Twiml("https://calls.example.org", PASSES, HINTS, transcribe=False)
    root = read(alone.direct(CALL, "+12025550101", "en", NOW)) if direct else bridged(alone)

    assert [child.tag for child in root] == ["Start", "Dial"]
    assert root.find("Start/Transcription") is None
    assert found(root, "Start/Stream").get("url") == "wss://calls.example.org/media-stream"


@pytest.mark.parametrize("transcribe", [False, True])
def test_the_announcement_is_over_before_anything_listens(transcribe: bool) -> None:
    twiml = Twiml("https://calls.example.org", PASSES, HINTS, transcribe=transcribe)
    tags = [child.tag for child in bridged(twiml, consent=Consent.SPOKEN)]

    assert tags.index("Say") < tags.index("Start")
    assert tags.count("Say") == 1


@pytest.mark.parametrize("direct", [False, True])
def test_who_is_not_listened_to_meets_neither_transcription_nor_stream(direct: bool) -> None:
    if direct:
        root = read(TWIML.direct(CALL, "+12025550101", "en", NOW, monitor=False))
    else:
        root = read(TWIML.bridge(CALL, "User-1-2", "en", consent=Consent.OFF, now=NOW, monitor=False))
    assert [child.tag for child in root] == ["Dial"]


@pytest.mark.parametrize(
    ("address", "noun", "text"),
    [
        ("+12025550101", "Number", "+12025550101"),
        ("sip:margaret@example.org", "Sip", "sip:margaret@example.org"),
        ("sips:margaret@example.org", "Sip", "sips:margaret@example.org"),
        ("client:margaret", "Client", "margaret"),
    ],
)
def test_each_kind_of_address_is_dialled_by_its_own_noun(address: str, noun: str, text: str) -> None:
    assert found(read(TWIML.direct(CALL, address, "en", NOW)), f"Dial/{noun}").text == text


def test_callers_who_are_turned_away_are_rejected_or_told() -> None:
    assert found(read(TWIML.turned_away(Action.REJECT, "en")), "Reject").get("reason") == "rejected"
    told = {
        action: found(read(TWIML.turned_away(action, "fr")), "Say").text
        for action in (Action.TELL_LATER, Action.TELL_UNREACHABLE)
    }
    assert all(words and "rappeler" in words for words in told.values())
    assert len(set(told.values())) == 2


@pytest.mark.parametrize(
    ("action", "language", "consent", "played"),
    [
        (Action.MONITOR, "de", Consent.SPOKEN, "listening.de"),
        (Action.MONITOR, "it", Consent.SPOKEN, "listening.en"),
        (Action.MONITOR, "fr", Consent.KEY, "listening_choice.fr"),
        (Action.MONITOR, "de", Consent.OFF, None),
        (Action.CONNECT, "de", Consent.OFF, None),
        (Action.REJECT, "de", Consent.OFF, None),
        (Action.SCREEN, "pt", Consent.OFF, "screening.pt"),
        (Action.VOICEMAIL, "de", Consent.OFF, "voicemail.de"),
        (Action.TELL_LATER, "es", Consent.OFF, "later.es"),
        (Action.TELL_UNREACHABLE, "es", Consent.OFF, "unreachable.es"),
    ],
)
def test_which_words_were_played_has_a_name(
    action: Action, language: str, consent: Consent, played: str | None
) -> None:
    assert announcement_played(action, language, consent) == played
    heard = consent if action is Action.MONITOR else Consent.OFF
    assert consent_played(played) is heard
