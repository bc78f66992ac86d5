"""What the product asks for, in TwiML attributes or REST parameters: the same words, read into values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urljoin, urlsplit


class Track(StrEnum):
    """One direction of a leg's audio, seen from Twilio: inbound is what the far end says."""

    INBOUND = "inbound_track"
    OUTBOUND = "outbound_track"


TRACKS: Mapping[str, tuple[Track, ...]] = {
    "inbound_track": (Track.INBOUND,),
    "outbound_track": (Track.OUTBOUND,),
    "both_tracks": (Track.INBOUND, Track.OUTBOUND),
}
CALL_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
CONFERENCE_EVENTS = frozenset(
    {"start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"}
)
SPEECH_MODELS: Mapping[str, tuple[str, ...]] = {
    "google": ("telephony", "telephony_short", "long", "short", "latest_long", "latest_short", "chirp"),
    "deepgram": ("nova-2", "nova-3"),
}


class Values:
    """Named texts read as types. What does not fit is told through `complain` and replaced by the default."""

    def __init__(
        self, values: Mapping[str, str], complain: Callable[[str], None], base_url: str = ""
    ) -> None:
        self._values = values
        self._complain = complain
        self._base_url = base_url

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """The text as it stands."""
        return self._values.get(name, default)

    def flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`."""
        return self.choice(name, "true" if default else "false", ("true", "false")) == "true"

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 86400) -> int:
        """A whole number within bounds."""
        value = self._values.get(name)
        if value is None:
            return default
        if value.isdecimal() and least <= int(value) <= most:
            return int(value)
        self._complain(f"{name} must be a whole number from {least} to {most}")
        return default

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self._values.get(name, default)
        if value in allowed:
            return value
        self._complain(f"{name} must be one of: {', '.join(allowed)}")
        return default

    def several(self, name: str, default: str, allowed: frozenset[str]) -> frozenset[str]:
        """A list of words with spaces between them."""
        words = frozenset(self._values.get(name, default).split())
        if unknown := words - allowed:
            self._complain(f"{name} knows no {', '.join(sorted(unknown))}")
        return words & allowed

    def method(self, name: str) -> str:
        """GET or POST."""
        return self.choice(name, "POST", ("GET", "POST"))

    def url(self, name: str, *, absolute: bool = False) -> str:
        """A URL, resolved against the document it stands in unless only an absolute one will do."""
        value = self._values.get(name, "")
        if value and absolute and not urlsplit(value).scheme:
            self._complain(f"{name} must be an absolute URL")
            return ""
        return urljoin(self._base_url, value) if value else ""


@dataclass(frozen=True, slots=True)
class Callback:
    """Where events go, and which ones were asked for. Without a URL nothing is sent."""

    url: str = ""
    method: str = "POST"
    events: frozenset[str] = frozenset()

    def wants(self, event: str) -> bool:
        """Whether this event is to be sent."""
        return bool(self.url) and event in self.events


@dataclass(frozen=True, slots=True)
class Source:
    """Where TwiML comes from: a URL and the one asked when it fails."""

    url: str
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class TranscriptionOptions:
    """`<Transcription>` or the Transcriptions resource."""

    name: str
    tracks: str
    callback: Callback
    language: str
    partial_results: bool
    engine: str
    model: str
    profanity_filter: bool
    punctuation: bool
    hints: str
    inbound_label: str
    outbound_label: str

    @classmethod
    def read(cls, values: Values) -> "TranscriptionOptions":
        """From attributes, or from parameters whose first letter was made small."""
        engine = values.text("transcriptionEngine", "google")
        return cls(
            name=values.text("name"),
            tracks=values.choice("track", "both_tracks", tuple(TRACKS)),
            callback=Callback(
                values.url("statusCallbackUrl", absolute=True), values.method("statusCallbackMethod")
            ),
            language=values.text("languageCode", "en-US"),
            partial_results=values.flag("partialResults", default=False),
            engine=engine,
            model=values.text("speechModel", "nova-2" if engine == "deepgram" else "telephony"),
            profanity_filter=values.flag("profanityFilter", default=True),
            punctuation=values.flag("enableAutomaticPunctuation", default=True),
            hints=values.text("hints"),
            inbound_label=values.text("inboundTrackLabel"),
            outbound_label=values.text("outboundTrackLabel"),
        )

    @property
    def is_supported(self) -> bool:
        """Whether engine and model exist. If not, the real Twilio never calls back and tells nobody."""
        return self.model.startswith(SPEECH_MODELS.get(self.engine, ()))


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """`<Stream>` under `<Start>`, or the Streams resource: one way, from Twilio to the product."""

    url: str
    name: str
    tracks: str
    callback: Callback
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, values: Values, parameters: Mapping[str, str]) -> "StreamOptions":
        """From attributes, or from parameters whose first letter was made small."""
        return cls(
            url=values.text("url"),
            name=values.text("name"),
            tracks=values.choice("track", "inbound_track", tuple(TRACKS)),
            callback=Callback(values.url("statusCallback"), values.method("statusCallbackMethod")),
            parameters=parameters,
        )


@dataclass(frozen=True, slots=True)
class ConferenceOptions:
    """How a leg takes part in a conference, and where that conference's events go if the leg is its first."""

    name: str
    label: str = ""
    muted: bool = False
    coaching: bool = False
    coached_sid: str = ""
    start_on_enter: bool = True
    end_on_exit: bool = False
    max_participants: int = 250
    callback: Callback = field(default_factory=Callback)
