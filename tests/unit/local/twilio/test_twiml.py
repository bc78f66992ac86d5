"""TwiML: what is read, what is warned of, what is refused."""

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Dial as SdkDial
from twilio.twiml.voice_response import Start, VoiceResponse

from callguard.errors import ProtocolError
from callguard.local.twilio.options import ConferenceOptions
from callguard.local.twilio.twiml import (
    Dial,
    Document,
    Gather,
    Hangup,
    NumberTarget,
    Pause,
    Redirect,
    Reject,
    Say,
    StartStream,
    StartTranscription,
    StopStream,
    StopTranscription,
    parse,
    parse_messages,
)

URL = "https://guard.test/voice/incoming"


def read(body: str) -> Document:
    return parse(f"<Response>{body}</Response>", URL)


def test_the_sdks_own_document_is_read_without_a_warning() -> None:
    response = VoiceResponse()
    start = Start()
    start.transcription(
        name="callguard",
        status_callback_url="https://guard.test/transcription",
        language_code="en-GB",
        partial_results=True,
        profanity_filter=False,
        hints="gift card,bail",
    )
    stream = start.stream(url="wss://guard.test/media", track="both_tracks")
    stream.parameter(name="token", value="signed")
    response.append(start)
    dial = SdkDial(action="/after", timeout=20)
    dial.conference("Family", end_conference_on_exit=True, status_callback_event="start end", muted=True)
    response.append(dial)
    document = parse(str(response), URL)
    assert document.warnings == ()
    transcription, media, dialled = document.verbs
    assert isinstance(transcription, StartTranscription)
    assert transcription.options.language == "en-GB"
    assert transcription.options.partial_results
    assert not transcription.options.profanity_filter
    assert (transcription.options.tracks, transcription.options.model) == ("both_tracks", "telephony")
    assert isinstance(media, StartStream)
    assert (media.options.url, dict(media.options.parameters)) == (
        "wss://guard.test/media",
        {"token": "signed"},
    )
    assert isinstance(dialled, Dial)
    assert (dialled.action, dialled.timeout) == ("https://guard.test/after", 20)
    assert isinstance(dialled.target, ConferenceOptions)
    assert (dialled.target.name, dialled.target.end_on_exit, dialled.target.muted) == ("Family", True, True)
    assert dialled.target.callback.events == {"start", "end"}


def test_every_verb_is_read() -> None:
    document = read(
        "<Say voice='alice'>Hello <break/> there</Say><Pause/><Pause length='3'/>"
        "<Stop><Transcription name='a'/><Stream name='b'/></Stop>"
        "<Dial>+12025550110</Dial><Dial callerId='+12025550100'><Number>+12025550111</Number></Dial>"
        "<Reject reason='busy'/><Redirect method='GET'>next?a=1</Redirect><Redirect/><Hangup/>"
    )
    assert document.verbs == (
        Say("Hello  there"),
        Pause(1),
        Pause(3),
        StopTranscription("a"),
        StopStream("b"),
        Dial(NumberTarget("+12025550110")),
        Dial(document.verbs[6].target, caller_id="+12025550100")
        if isinstance(document.verbs[6], Dial)
        else None,
        Reject("busy"),
        Redirect("https://guard.test/voice/next?a=1", "GET"),
        Redirect(URL, "POST"),
        Hangup(),
    )


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ("<Prompt/>", "<Prompt> is no verb of the stand-in"),
        ("<Gather><Hangup/></Gather>", "<Gather> can't hold a <Hangup>"),
        ("<Number/>", "<Number> doesn't belong where it stands"),
        ("<Start><Recording/></Start>", "<Start> knows no <Recording>"),
        ("<Say loudly='yes'>x</Say>", "<Say> has no attribute loudly"),
        ("<Pause length='soon'/>", "<Pause>: length must be a whole number from 0 to 86400"),
        ("<Dial/>", "<Dial> has nobody to dial"),
        ("<Dial><Sim>x</Sim></Dial>", "<Dial> can't reach a <Sim> here"),
        (
            "<Start><Transcription partialResults='yes'/></Start>",
            "<Transcription>: partialResults must be one of: true, false",
        ),
        (
            "<Start><Transcription statusCallbackUrl='/relative'/></Start>",
            "<Transcription>: statusCallbackUrl must be an absolute URL",
        ),
        (
            "<Dial><Conference statusCallbackEvent='join sing'>x</Conference></Dial>",
            "<Conference>: statusCallbackEvent knows no sing",
        ),
    ],
)
def test_what_twilio_would_warn_of_is_warned_of(body: str, warning: str) -> None:
    assert warning in read(body).warnings


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "hello",
        "<Response>",
        "<Twiml/>",
        "<!DOCTYPE Response [<!ENTITY x 'y'>]><Response><Say>&x;</Say></Response>",
        "<Response><Say>" + "x" * 65536 + "</Say></Response>",
    ],
)
def test_what_twilio_would_refuse_is_refused(xml: str) -> None:
    with pytest.raises(ProtocolError):
        parse(xml)


@given(
    verb=st.sampled_from(["Say", "Pause", "Dial", "Start", "Reject", "Redirect", "Nonsense"]),
    attribute=st.sampled_from(["length", "reason", "timeout", "action", "method", "unknown"]),
    value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
)
def test_any_attribute_value_is_read_or_warned_of(verb: str, attribute: str, value: str) -> None:
    document = read(f"<{verb} {attribute}={quoteattr(value)}/>")
    assert document.verbs or document.warnings or verb == "Start"


def test_keys_are_listened_for() -> None:
    (gather,) = read("<Gather numDigits='1' timeout='8' action='/keys'><Say>Press 1.</Say></Gather>").verbs
    assert gather == Gather((Say("Press 1."),), "https://guard.test/keys", "POST", digits=1, timeout=8)


def test_messages_are_read() -> None:
    xml = "<Response><Message>one</Message><Message><Body> two </Body></Message><Message/></Response>"
    assert parse_messages(xml) == ("one", "two")
