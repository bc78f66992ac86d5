"""Twilio's webhook parameters as facts.

Unknown parameters and values of new kinds are let pass, never refused.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from callguard.domain.call import is_leg_status
from callguard.domain.caller import caller_number, e164
from callguard.domain.facts import (
    CallArrived,
    CallerScreened,
    ConferenceChanged,
    ConnectionChosen,
    LegAnsweredBy,
    LegChanged,
    MessageRecorded,
    TranscriptionChanged,
    WordsHeard,
)
from callguard.errors import ProtocolError
from callguard.transcript.store import SPEAKER_OF_TRACK

Form = Mapping[str, str]

_CALL_SID = re.compile(r"CA[0-9a-f]{32}")
_RECORDING_SID = re.compile(r"RE[0-9a-f]{32}")
UNMONITORED_KEY = "9"
_STATES = {
    "transcription-started": "started",
    "transcription-stopped": "stopped",
    "transcription-error": "failed",
}


class _TranscriptionData(msgspec.Struct):
    transcript: str = ""
    confidence: float | None = None


def call_sid(form: Form) -> str:
    """The call's SID. Raises ProtocolError where there is none."""
    sid = form.get("CallSid", "")
    if not _CALL_SID.fullmatch(sid):
        raise ProtocolError("The webhook names no call: CallSid must be CA and 32 hexadecimal digits.")
    return sid


def call_arrived(form: Form, now: datetime) -> CallArrived:
    """The inbound voice webhook. Raises ProtocolError where CallSid or To is missing."""
    sid, raw_to = call_sid(form), form.get("To", "")
    if not raw_to:
        raise ProtocolError("The webhook does not say which number was called: To is missing.")
    return CallArrived(
        call_sid=sid,
        conference_name="",
        caller=caller_number(form.get("From", "")),
        called=e164(raw_to) or raw_to,
        raw_from=form.get("From", ""),
        forwarded_from=form.get("ForwardedFrom") or None,
        stir_verstat=form.get("StirVerstat") or None,
        call_token=form.get("CallToken") or None,
        dialled_directly=False,
        arrived_at=now,
    )


def transcription(form: Form) -> WordsHeard | TranscriptionChanged | None:
    """The transcription webhook, by Twilio's names or the older ones (`TranscriptionText`, `IsFinal`,
    `SequenceNumber`).

    None for events and tracks of new kinds. Raises ProtocolError for content without a sequence number.
    """
    sid = call_sid(form)
    event = form.get("TranscriptionEvent", "transcription-content")
    if event in _STATES:
        return TranscriptionChanged(
            call_sid=sid,
            state=_STATES[event],
            error=form.get("TranscriptionErrorCode"),
            transcription_sid=form.get("TranscriptionSid"),
        )
    track = form.get("Track", "inbound_track")
    if event != "transcription-content" or track not in SPEAKER_OF_TRACK:
        return None
    data = _content(form)
    return WordsHeard(
        call_sid=sid,
        transcription_sid=form.get("TranscriptionSid") or f"of-{sid}",
        sequence=_sequence(form),
        track=track,
        text=data.transcript.replace("\0", ""),
        is_final=(form.get("Final") or form.get("IsFinal") or "false").lower() == "true",
        confidence=data.confidence,
        stability=_number(form.get("Stability")),
        spoken_at=_moment(form.get("Timestamp")),
        language=_language(form.get("LanguageCode")),
    )


def _content(form: Form) -> _TranscriptionData:
    raw = form.get("TranscriptionData")
    if raw is None:
        return _TranscriptionData(transcript=form.get("TranscriptionText", ""))
    try:
        return msgspec.json.decode(raw, type=_TranscriptionData, strict=False)
    except (msgspec.DecodeError, RecursionError):
        raise ProtocolError("TranscriptionData is not the JSON object that Twilio sends.") from None


def _sequence(form: Form) -> int:
    raw = form.get("SequenceId") or form.get("SequenceNumber") or ""
    if not raw.isascii() or not raw.isdigit() or len(raw) > 9:
        raise ProtocolError("The transcription webhook carries no whole SequenceId.")
    return int(raw)


def _language(raw: str | None) -> str | None:
    """Of a BCP 47 tag the language; None for what is none, such as 'multi'."""
    primary = (raw or "").partition("-")[0].lower()
    return primary if len(primary) == 2 else None


def _number(raw: str | None) -> float | None:
    try:
        return float(raw) if raw else None
    except ValueError:
        return None


def _moment(raw: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(raw) if raw else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def leg_changed(form: Form, parent: str | None) -> LegChanged | None:
    """The call status webhook: of the caller's leg, or with `parent` of a leg dialled for that call.

    None for new statuses.
    """
    sid = call_sid(form)
    status = form.get("CallStatus", "")
    if not is_leg_status(status):
        return None
    if parent is None:
        return LegChanged(call_sid=sid, leg_sid=None, status=status)
    return LegChanged(call_sid=call_sid({"CallSid": parent}), leg_sid=sid, status=status)


def leg_answered_by(form: Form, parent: str) -> LegAnsweredBy:
    """The answering machine detection's webhook about a leg that was dialled for the call `parent`."""
    return LegAnsweredBy(
        call_sid=call_sid({"CallSid": parent}),
        leg_sid=call_sid(form),
        answered_by=form.get("AnsweredBy", "unknown"),
    )


def conference_changed(form: Form, parent: str) -> ConferenceChanged:
    """A conference event of the call `parent`."""
    return ConferenceChanged(
        call_sid=call_sid({"CallSid": parent}),
        event=form.get("StatusCallbackEvent", ""),
        label=form.get("ParticipantLabel") or None,
        leg_sid=form.get("CallSid") or None,
    )


def caller_screened(form: Form, now: datetime) -> CallerScreened:
    """The answer to the screening question: words, a key, or silence."""
    said = form.get("SpeechResult", "").strip()
    return CallerScreened(
        call_sid=call_sid(form),
        said=said if said or form.get("Digits") else None,
        confidence=_number(form.get("Confidence")) if said else None,
        answered_at=now,
    )


def connection_chosen(form: Form) -> ConnectionChosen | None:
    """The key pressed during the announcement; None for any other than the one that was offered."""
    sid = call_sid(form)
    return ConnectionChosen(call_sid=sid) if form.get("Digits") == UNMONITORED_KEY else None


def message_recorded(form: Form) -> MessageRecorded | None:
    """The recording status webhook; None where nothing was recorded. Raises ProtocolError without a SID."""
    sid = call_sid(form)
    if form.get("RecordingStatus", "completed") != "completed":
        return None
    recording_sid, seconds = form.get("RecordingSid", ""), form.get("RecordingDuration", "")
    if not _RECORDING_SID.fullmatch(recording_sid):
        raise ProtocolError("The webhook names no recording: RecordingSid must be RE and 32 hex digits.")
    whole = seconds.isascii() and seconds.isdigit() and len(seconds) < 7
    return MessageRecorded(call_sid=sid, recording_sid=recording_sid, seconds=int(seconds) if whole else 0)
