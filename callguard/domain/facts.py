"""What webhooks tell, as facts: frozen, tagged, parsed once at the edge, and the same on the wire, in the
spool and in the database.

Recording a fact twice has the effect of recording it once; facts of one call may come in any order.
"""

from datetime import datetime

import msgspec

from callguard.domain.policy import Decision


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that happened in the call whose caller's leg is `call_sid`."""

    call_sid: str


class CallArrived(Fact, frozen=True, kw_only=True, tag="call_arrived"):
    """The phone rang: a forwarded call on a person's Twilio number.

    `dialled_directly` where the TwiML dialled the person itself, by the `decision` that was taken then.
    """

    conference_name: str
    caller: str
    called: str
    raw_from: str
    forwarded_from: str | None
    stir_verstat: str | None
    call_token: str | None
    dialled_directly: bool
    arrived_at: datetime
    decision: Decision | None = None


class WordsHeard(Fact, frozen=True, kw_only=True, tag="words_heard"):
    """One recognition result. `track` is Twilio's name of it: inbound_track is the caller. `language`: what
    the recogniser says that it is in, such as 'en'; None where it says nothing, or several.
    """

    transcription_sid: str
    sequence: int
    track: str
    text: str
    is_final: bool
    confidence: float | None
    stability: float | None
    spoken_at: datetime | None
    language: str | None = None


class TranscriptionChanged(Fact, frozen=True, kw_only=True, tag="transcription_changed"):
    """The transcription started, stopped or failed."""

    state: str
    error: str | None = None
    transcription_sid: str | None = None


class LegChanged(Fact, frozen=True, kw_only=True, tag="leg_changed"):
    """A leg's call status; `leg_sid` is None for the caller's own leg."""

    leg_sid: str | None
    status: str


class LegAnsweredBy(Fact, frozen=True, kw_only=True, tag="leg_answered_by"):
    """Who answered a dialled leg, in Twilio's words: `human`, `unknown`, `fax` or a `machine_…`."""

    leg_sid: str
    answered_by: str


class ConferenceChanged(Fact, frozen=True, kw_only=True, tag="conference_changed"):
    """A participant joined or left, or the conference began or ended."""

    event: str
    label: str | None
    leg_sid: str | None = None


class CallerScreened(Fact, frozen=True, kw_only=True, tag="caller_screened"):
    """An unknown caller answered the question who they are, or did not.

    `said` is what was recognised, empty where a key was pressed, None for silence. `dialled_directly`
    where the TwiML that followed dialled the person itself.
    """

    said: str | None
    confidence: float | None
    answered_at: datetime
    dialled_directly: bool = False


class ConnectionChosen(Fact, frozen=True, kw_only=True, tag="connection_chosen"):
    """The caller took the announcement's offer of a connection that isn't listened to."""


class MessageRecorded(Fact, frozen=True, kw_only=True, tag="message_recorded"):
    """A voicemail lies at Twilio."""

    recording_sid: str
    seconds: int


AnyFact = (
    CallArrived
    | WordsHeard
    | TranscriptionChanged
    | LegChanged
    | LegAnsweredBy
    | ConferenceChanged
    | CallerScreened
    | ConnectionChosen
    | MessageRecorded
)

_decoder: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)


def encode(fact: AnyFact) -> bytes:
    return msgspec.json.encode(fact)


def decode(data: bytes) -> AnyFact:
    """Raises msgspec.ValidationError for what `encode` did not make."""
    return _decoder.decode(data)
