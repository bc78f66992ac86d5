"""TwiML as values: the verbs that the stand-in performs, read from XML. Sans-I/O.

What Twilio would tolerate with a warning becomes a warning; what it would refuse is a ProtocolError.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from callguard.errors import ProtocolError
from callguard.local.twilio.options import (
    CALL_EVENTS,
    CONFERENCE_EVENTS,
    Callback,
    ConferenceOptions,
    StreamOptions,
    TranscriptionOptions,
    Values,
)

LARGEST_DOCUMENT = 64 * 1024
GATHER_INPUTS = frozenset({"dtmf", "speech"})
RECORDING_EVENTS = frozenset({"in-progress", "completed", "absent"})


@dataclass(frozen=True, slots=True)
class Say:
    """Speak to the leg."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, in seconds of call time."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Gather:
    """Speak, and listen for keys, or for words where `speech`: then `action` takes over. Without any the
    document goes on, unless `always`.
    """

    verbs: tuple["Say | Pause", ...]
    action: str
    method: str
    digits: int
    timeout: int
    keys: bool = True
    speech: bool = False
    always: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Record what is said until nothing is, for `timeout` seconds, or for `longest`. Where nobody speaks the
    document goes on.
    """

    action: str
    method: str
    timeout: int
    longest: int
    callback: Callback


@dataclass(frozen=True, slots=True)
class StartTranscription:
    """Transcribe the leg from here on."""

    options: TranscriptionOptions


@dataclass(frozen=True, slots=True)
class StartStream:
    """Stream the leg's audio from here on."""

    options: StreamOptions


@dataclass(frozen=True, slots=True)
class StopTranscription:
    """End a transcription by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class StopStream:
    """End a media stream by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class NumberTarget:
    """A telephone to dial, and who is told about it."""

    number: str
    callback: Callback = field(default_factory=Callback)


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect the leg with a conference or a telephone; `action` takes over afterwards."""

    target: ConferenceOptions | NumberTarget | None
    action: str = ""
    method: str = "POST"
    timeout: int = 30
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call without answering it: `rejected` or `busy`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another document."""

    url: str
    method: str


Verb = (
    Say
    | Pause
    | Gather
    | Record
    | StartTranscription
    | StartStream
    | StopTranscription
    | StopStream
    | Dial
    | Reject
    | Hangup
    | Redirect
)


@dataclass(frozen=True, slots=True)
class Document:
    """A TwiML document: its verbs, where it came from, and what was wrong with it."""

    verbs: tuple[Verb, ...]
    url: str = ""
    warnings: tuple[str, ...] = ()


_ATTRIBUTES: Mapping[str, str] = {
    "Response": "",
    "Say": "voice language loop",
    "Pause": "length",
    "Gather": "action method numDigits timeout input finishOnKey actionOnEmptyResult language hints "
    "speechTimeout speechModel enhanced profanityFilter partialResultCallback bargeIn",
    "Record": "action method timeout finishOnKey maxLength playBeep trim recordingStatusCallback "
    "recordingStatusCallbackMethod recordingStatusCallbackEvent transcribe transcribeCallback",
    "Start": "action method",
    "Stop": "",
    "Transcription": "name track inboundTrackLabel outboundTrackLabel statusCallbackUrl statusCallbackMethod "
    "languageCode partialResults transcriptionEngine speechModel profanityFilter hints "
    "enableAutomaticPunctuation intelligenceService enableProviderData",
    "Stream": "url name track statusCallback statusCallbackMethod",
    "Parameter": "name value",
    "Dial": "action method timeout hangupOnStar timeLimit callerId answerOnBridge ringTone",
    "Number": "statusCallback statusCallbackEvent statusCallbackMethod",
    "Conference": "muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants "
    "coach participantLabel statusCallback statusCallbackEvent statusCallbackMethod",
    "Reject": "reason",
    "Hangup": "",
    "Redirect": "method",
}


class _NoDocumentType(ET.TreeBuilder):
    """Entities can only be declared in a document type, so a document that has one is refused."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002  # as the parser calls it
        raise ProtocolError("TwiML must not carry a document type; remove it.")


def _root(xml: str) -> ET.Element:
    if len(xml) > LARGEST_DOCUMENT:
        raise ProtocolError("TwiML must not be longer than 64 kB; shorten the document.")
    parser = ET.XMLParser(target=_NoDocumentType())  # noqa: S314  # it refuses a DOCTYPE, and with it entities
    try:
        parser.feed(xml)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError) as error:
        raise ProtocolError("The reply isn't well-formed XML; answer with a TwiML document.") from error
    if root.tag != "Response":
        raise ProtocolError("TwiML must have <Response> at its root.")
    return root


def parse(xml: str, url: str = "") -> Document:
    """Read a voice document; `url` is where it came from, for the relative URLs in it."""
    root = _root(xml)
    reader = _Reader(url)
    reader.values(root)
    verbs = [verb for element in root for verb in reader.verbs(element)]
    return Document(tuple(verbs), url, tuple(reader.warnings))


def parse_messages(xml: str) -> tuple[str, ...]:
    """The texts that a messaging document answers with."""
    texts = (message.findtext("Body") or message.text or "" for message in _root(xml).iter("Message"))
    return tuple(text.strip() for text in texts if text.strip())


class _Reader:
    def __init__(self, url: str) -> None:
        self._url = url
        self.warnings: list[str] = []

    def values(self, element: ET.Element) -> Values:
        """The element's attributes; those it doesn't have in Twilio's schema are told and left out."""
        allowed = _ATTRIBUTES[element.tag].split()
        self.warnings += [
            f"<{element.tag}> has no attribute {name}" for name in element.attrib if name not in allowed
        ]
        known = {name: value for name, value in element.attrib.items() if name in allowed}
        return Values(known, lambda problem: self.warnings.append(f"<{element.tag}>: {problem}"), self._url)

    def verbs(self, element: ET.Element) -> list[Verb]:
        """One verb, or for <Start> and <Stop> one for each thing started or stopped."""
        if element.tag not in _ATTRIBUTES:
            self.warnings.append(f"<{element.tag}> is no verb of the stand-in")
            return []
        values = self.values(element)
        text = "".join(element.itertext()).strip()
        verbs: list[Verb] = []
        match element.tag:
            case "Say":
                verbs.append(Say(text))
            case "Pause":
                verbs.append(Pause(values.whole("length", 1)))
            case "Gather" | "Record":
                is_record = element.tag == "Record"
                verbs.append(self._record(values) if is_record else self._gather(element, values))
            case "Start" | "Stop":
                verbs += [verb for child in element for verb in self._noun(element.tag, child)]
            case "Dial":
                verbs.append(self._dial(element, values))
            case "Reject":
                verbs.append(Reject(values.choice("reason", "rejected", ("rejected", "busy"))))
            case "Hangup":
                verbs.append(Hangup())
            case "Redirect":
                verbs.append(Redirect(urljoin(self._url, text), values.method("method")))
            case tag:
                self.warnings.append(f"<{tag}> doesn't belong where it stands")
        return verbs

    def _gather(self, element: ET.Element, values: Values) -> Gather:
        inner = [verb for child in element for verb in self.verbs(child)]
        if wrong := [type(verb).__name__ for verb in inner if not isinstance(verb, Say | Pause)]:
            self.warnings.append(f"<Gather> can't hold a <{wrong[0]}>")
        return Gather(
            verbs=tuple(verb for verb in inner if isinstance(verb, Say | Pause)),
            action=values.url("action") or self._url,
            method=values.method("method"),
            digits=values.whole("numDigits", 100, least=1),
            timeout=values.whole("timeout", 5, least=1),
            keys="dtmf" in values.several("input", "dtmf", GATHER_INPUTS),
            speech="speech" in values.several("input", "dtmf", GATHER_INPUTS),
            always=values.flag("actionOnEmptyResult", default=False),
        )

    def _record(self, values: Values) -> Record:
        wanted = values.several("recordingStatusCallbackEvent", "completed", RECORDING_EVENTS)
        return Record(
            action=values.url("action") or self._url,
            method=values.method("method"),
            timeout=values.whole("timeout", 5, least=1),
            longest=values.whole("maxLength", 3600, least=1, most=14400),
            callback=Callback(
                values.url("recordingStatusCallback"), values.method("recordingStatusCallbackMethod"), wanted
            ),
        )

    def _noun(self, parent: str, element: ET.Element) -> list[Verb]:
        if element.tag not in {"Transcription", "Stream"}:
            self.warnings.append(f"<{parent}> knows no <{element.tag}>")
            return []
        values = self.values(element)
        match parent, element.tag:
            case "Start", "Transcription":
                return [StartTranscription(TranscriptionOptions.read(values))]
            case "Start", _:
                return [StartStream(StreamOptions.read(values, self._parameters(element)))]
            case _, "Transcription":
                return [StopTranscription(values.text("name"))]
            case _:
                return [StopStream(values.text("name"))]

    def _parameters(self, element: ET.Element) -> dict[str, str]:
        children = [self.values(child) for child in element if child.tag == "Parameter"]
        return {child.text("name"): child.text("value") for child in children}

    def _dial(self, element: ET.Element, values: Values) -> Dial:
        return Dial(
            target=self._target(element),
            action=values.url("action"),
            method=values.method("method"),
            timeout=values.whole("timeout", 30, least=1, most=600),
            caller_id=values.text("callerId"),
        )

    def _target(self, element: ET.Element) -> ConferenceOptions | NumberTarget | None:
        number = (element.text or "").strip()
        if number:
            return NumberTarget(number)
        for child in element:
            if child.tag == "Conference":
                return self._conference(child, self.values(child))
            if child.tag == "Number":
                values = self.values(child)
                return NumberTarget(
                    (child.text or "").strip(), self._callback(values, CALL_EVENTS, "completed")
                )
            self.warnings.append(f"<Dial> can't reach a <{child.tag}> here")
        self.warnings.append("<Dial> has nobody to dial")
        return None

    def _conference(self, element: ET.Element, values: Values) -> ConferenceOptions:
        values.choice("beep", "true", ("true", "false", "onEnter", "onExit"))
        return ConferenceOptions(
            name=(element.text or "").strip(),
            label=values.text("participantLabel"),
            muted=values.flag("muted", default=False),
            coaching="coach" in values,
            coached_sid=values.text("coach"),
            start_on_enter=values.flag("startConferenceOnEnter", default=True),
            end_on_exit=values.flag("endConferenceOnExit", default=False),
            max_participants=values.whole("maxParticipants", 250, least=2, most=250),
            callback=self._callback(values, CONFERENCE_EVENTS, ""),
        )

    def _callback(self, values: Values, events: frozenset[str], default: str) -> Callback:
        wanted = values.several("statusCallbackEvent", default, events)
        return Callback(values.url("statusCallback"), values.method("statusCallbackMethod"), wanted)
