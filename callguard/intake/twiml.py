"""What Twilio is told to do with a call, from `twiml_templates/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callguard.domain.keywords import MOST_HINTS
from callguard.domain.policy import Action, Consent
from callguard.intake.wordings import consent_words, who_calls, words_of
from callguard.resources import TWIML_TEMPLATES
from callguard.trust.passes import PassIssuer

# What we could not keep is told again: Twilio's connection overrides, which never reach the request itself.
RETRIED = "#rc=4&rp=5xx,ct,rt"

# BCP 47 tags for the languages that people here speak.
LANGUAGE_CODES = {"en": "en-US", "es": "es-US", "fr": "fr-FR", "de": "de-DE", "pt": "pt-BR"}


@dataclass(frozen=True, slots=True)
class _Call:
    language_code: str
    hints: str
    transcription_url: str
    stream_url: str
    stream_token: str
    announcement: str = ""
    choice_url: str = ""
    conference_events_url: str = ""
    conference_name: str = ""
    noun: str = ""
    address: str = ""
    monitored: bool = True


def templates() -> Environment:
    """`twiml_templates/`, every value escaped."""
    return Environment(
        loader=FileSystemLoader(TWIML_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


class Twiml:
    """Renders the templates for one public address. Without `transcribe` Twilio is not asked for words.

    `hints`: what the recogniser is told to expect, by language, where a call brings none of its tenant's own.
    """

    def __init__(
        self,
        base_url: str,
        passes: PassIssuer,
        hints: Mapping[str, Sequence[str]],
        *,
        transcribe: bool = True,
    ) -> None:
        self._base_url = base_url
        self._passes = passes
        self._transcription_url = self._callback("/transcription") if transcribe else ""
        self._hints = hints
        self._templates = templates()

    def bridge(
        self,
        call_sid: str,
        conference_name: str,
        language: str,
        *,
        consent: Consent,
        now: float,
        monitor: bool = True,
        hints: Sequence[str] | None = None,
    ) -> str:
        """The caller waits in the conference, into which the person is dialled."""
        choice = self._url("/connection-choice", conference=conference_name, language=language)
        call = _Call(
            **self._listening(call_sid, language, now, hints),
            announcement=consent_words(consent, language),
            choice_url=choice if consent is Consent.KEY else "",
            conference_events_url=self._callback("/conference-events", parent=call_sid),
            conference_name=conference_name,
            monitored=monitor,
        )
        return self._render("incoming_call.xml", call=call)

    def direct(self, call_sid: str, address: str, language: str, now: float, *, monitor: bool = True) -> str:
        """The person is dialled by Twilio itself: what remains when the database is away."""
        kind = address.partition(":")[0].lower() if ":" in address else ""
        noun = {"sip": "Sip", "sips": "Sip", "client": "Client"}.get(kind, "Number")
        call = _Call(
            **self._listening(call_sid, language, now),
            noun=noun,
            address=address.partition(":")[2] if noun == "Client" else address,
            monitored=monitor,
        )
        return self._render("direct_dial.xml", call=call)

    def listen_only(self, call_sid: str, language: str, now: float) -> str:
        """The call is listened to for a while, and nobody is rung."""
        call = _Call(**self._listening(call_sid, language, now), monitored=True)
        return self._render("canary_listening.xml", call=call)

    def turned_away(self, action: Action, language: str) -> str:
        """For a caller who is not put through, or not yet: rejected, asked, recorded, or told."""
        match action:
            case Action.REJECT:
                return self.reject("rejected")
            case Action.SCREEN:
                return self.screen(language, ask=1)
            case Action.VOICEMAIL:
                return self.voicemail(language)
            case Action.TELL_LATER:
                return self._told("later", language)
            case _:
                return self.unreachable(language)

    def screen(self, language: str, *, ask: int) -> str:
        """Asks an unknown caller who they are, for the first or the second time."""
        return self._render(
            "screening.xml",
            language_code=language_code(language),
            hints=self._hints_told(language, None),
            answer_url=self._url("/screening-answer", ask=ask, language=language),
            words=words_of("screening" if ask == 1 else "screening_again", language),
        )

    def voicemail(self, language: str, *, was_heard: bool = False) -> str:
        """Takes a message. `was_heard`: the call was listened to until now."""
        heard_by = ["Transcription", "Stream"] if self._transcription_url else ["Stream"]
        return self._render(
            "voicemail.xml",
            language_code=language_code(language),
            stopped=heard_by if was_heard else [],
            words=words_of("voicemail", language),
            taken_url=self._url("/message-taken", language=language),
            recorded_url=f"{self._base_url}/message-recorded{RETRIED}",
        )

    def message_taken(self, language: str) -> str:
        """Thanks for a message."""
        return self._told("message_taken", language)

    def unreachable(self, language: str) -> str:
        """Told to a caller whose call reaches nobody."""
        return self._told("unreachable", language)

    def _told(self, name: str, language: str) -> str:
        return self._render(
            "unreachable.xml", language_code=language_code(language), words=words_of(name, language)
        )

    def who_calls(self, person: str, caller: str, language: str) -> str:
        """Told to the person's phone that asks who is calling."""
        words = who_calls(person, caller, language)
        return self._render("who_calls.xml", language_code=language_code(language), words=words)

    def who_calls_url(self, call_sid: str) -> str:
        """Where `who_calls` of a call is to be had."""
        return self._url("/who-calls", parent=call_sid)

    def reject(self, reason: Literal["rejected", "busy"]) -> str:
        """Ends the call before it is answered; nobody pays for it."""
        return self._render("reject.xml", reason=reason)

    def leg_status_url(self, call_sid: str) -> str:
        """Where Twilio tells how a leg fares that was dialled for this call."""
        return self._callback("/call-status", parent=call_sid)

    def transcription(self, language: str, hints: Sequence[str] | None = None) -> dict[str, str]:
        """What a transcription that is started by REST is told: as the TwiML tells it."""
        return {
            "language_code": language_code(language),
            "hints": self._hints_told(language, hints),
            "callback": self._transcription_url,
        }

    @property
    def stream_url(self) -> str:
        """Where a call's audio goes."""
        return f"ws{self._base_url.removeprefix('http')}/media-stream"

    def stream_token(self, call_sid: str, now: float) -> str:
        """A fresh pass for one stream of this call."""
        return self._passes.issue(call_sid, uuid4(), now)

    def answered_by_url(self, call_sid: str) -> str:
        """Where Twilio tells whether a machine answered a leg that was dialled for this call."""
        return self._callback("/answered-by", parent=call_sid)

    def _callback(self, path: str, **query: str) -> str:
        return (self._url(path, **query) if query else f"{self._base_url}{path}") + RETRIED

    def _hints_told(self, language: str, hints: Sequence[str] | None) -> str:
        return ",".join((self._hints.get(language, ()) if hints is None else hints)[:MOST_HINTS])

    def _listening(
        self, call_sid: str, language: str, now: float, hints: Sequence[str] | None = None
    ) -> dict[str, str]:
        return {
            "language_code": language_code(language),
            "hints": self._hints_told(language, hints),
            "transcription_url": self._transcription_url,
            "stream_url": self.stream_url,
            "stream_token": self.stream_token(call_sid, now),
        }

    def _url(self, path: str, **query: object) -> str:
        return f"{self._base_url}{path}?{urlencode(query)}"

    def _render(self, name: str, **values: object) -> str:
        return self._templates.get_template(name).render(**values).strip()


def language_code(language: str) -> str:
    """The BCP 47 tag that Twilio's recogniser takes for a language."""
    return LANGUAGE_CODES.get(language, LANGUAGE_CODES["en"])
