"""What Twilio is told to do with a call, from `twiml_templates/`."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callguard.domain.ladder_texts import SPOKEN_ON_THE_LINE
from callguard.domain.policy import Action
from callguard.domain.words import normalise
from callguard.resources import TWIML_TEMPLATES
from callguard.trust.passes import PassIssuer

# Twilio takes 500 hints of 100 characters; the catalogue's first ones are its plainest.
MOST_HINTS = 200

# BCP 47 tags for the languages that people here speak.
LANGUAGE_CODES = {"en": "en-US", "es": "es-US", "fr": "fr-FR", "de": "de-DE", "pt": "pt-BR"}

_ANNOUNCEMENT = {
    "en": "This call is listened to for fraud protection.",
    "es": "Esta llamada se escucha para proteger contra el fraude.",
    "fr": "Cet appel est écouté pour protéger contre la fraude.",
    "de": "Dieses Gespräch wird zum Schutz vor Betrug mitgehört.",
    "pt": "Esta chamada é ouvida para proteção contra fraudes.",
}
_UNREACHABLE = {
    "en": "The person you are calling can't be reached at the moment. Please try again later.",
    "es": "La persona a la que llama no está disponible en este momento. Inténtelo más tarde.",
    "fr": "La personne que vous appelez n'est pas joignable pour le moment. Veuillez rappeler plus tard.",
    "de": "Die gewünschte Person ist zurzeit nicht erreichbar. Bitte versuchen Sie es später noch einmal.",
    "pt": "A pessoa para quem está a ligar não está disponível neste momento. Tente mais tarde.",
}
_LATER = {
    "en": "The person you are calling does not take calls at this hour. Please call again later.",
    "es": "La persona a la que llama no atiende llamadas a esta hora. Vuelva a llamar más tarde.",
    "fr": "La personne que vous appelez ne prend pas d'appels à cette heure. Veuillez rappeler plus tard.",
    "de": "Die gewünschte Person nimmt um diese Zeit keine Anrufe an. Bitte rufen Sie später wieder an.",
    "pt": "A pessoa para quem está a ligar não atende chamadas a esta hora. Ligue mais tarde.",
}
# In fewer words a person may well say the same.
_FEWEST_WORDS = 4
_SPOKEN = tuple(
    f" {normalise(text)} "
    for text in (*_ANNOUNCEMENT.values(), *_UNREACHABLE.values(), *_LATER.values(), *SPOKEN_ON_THE_LINE)
)


def is_announcement(text: str) -> bool:
    """Whether these are words of an announcement of ours: Twilio transcribes what it says to a leg, too."""
    heard = normalise(text)
    return len(heard.split()) >= _FEWEST_WORDS and any(f" {heard} " in spoken for spoken in _SPOKEN)


@dataclass(frozen=True, slots=True)
class _Call:
    language_code: str
    hints: str
    transcription_url: str
    stream_url: str
    stream_token: str
    announcement: str = ""
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
    """Renders the templates for one public address. Without `transcribe` Twilio is not asked for words."""

    def __init__(
        self, base_url: str, passes: PassIssuer, hints: dict[str, list[str]], *, transcribe: bool = True
    ) -> None:
        self._base_url = base_url
        self._passes = passes
        self._transcription_url = f"{base_url}/transcription" if transcribe else ""
        self._hints = {language: ",".join(phrases[:MOST_HINTS]) for language, phrases in hints.items()}
        self._templates = templates()

    def bridge(
        self,
        call_sid: str,
        conference_name: str,
        language: str,
        *,
        announce: bool,
        now: float,
        monitor: bool = True,
    ) -> str:
        """The caller waits in the conference, into which the person is dialled."""
        call = _Call(
            **self._listening(call_sid, language, now),
            announcement=_ANNOUNCEMENT.get(language, _ANNOUNCEMENT["en"]) if announce else "",
            conference_events_url=f"{self._base_url}/conference-events?{urlencode({'parent': call_sid})}",
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

    def turned_away(self, action: Action, language: str) -> str:
        """For a caller who is not let through: rejected, or told why or merely that it is so."""
        if action is Action.REJECT:
            return self.reject("rejected")
        if action is Action.TELL_LATER:
            return self._told(_LATER, language)
        return self.unreachable(language)

    def unreachable(self, language: str) -> str:
        """Told to a caller whose call reaches nobody."""
        return self._told(_UNREACHABLE, language)

    def _told(self, wording: dict[str, str], language: str) -> str:
        words = wording.get(language, wording["en"])
        return self._render("unreachable.xml", language_code=language_code(language), words=words)

    def reject(self, reason: Literal["rejected", "busy"]) -> str:
        """Ends the call before it is answered; nobody pays for it."""
        return self._render("reject.xml", reason=reason)

    def leg_status_url(self, call_sid: str) -> str:
        """Where Twilio tells how a leg fares that was dialled for this call."""
        return f"{self._base_url}/call-status?{urlencode({'parent': call_sid})}"

    def transcription(self, language: str) -> dict[str, str]:
        """What a transcription that is started by REST is told: as the TwiML tells it."""
        return {
            "language_code": language_code(language),
            "hints": self._hints.get(language, ""),
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
        return f"{self._base_url}/answered-by?{urlencode({'parent': call_sid})}"

    def _listening(self, call_sid: str, language: str, now: float) -> dict[str, str]:
        return {
            "language_code": language_code(language),
            "hints": self._hints.get(language, ""),
            "transcription_url": self._transcription_url,
            "stream_url": self.stream_url,
            "stream_token": self.stream_token(call_sid, now),
        }

    def _render(self, name: str, **values: object) -> str:
        return self._templates.get_template(name).render(**values).strip()


def announcement_played(action: Action, language: str, *, announce: bool) -> str | None:
    """Which words the caller hears first, such as `listening.en`; None where nothing is said."""
    if action is Action.MONITOR:
        wording, name = _ANNOUNCEMENT, "listening" if announce else None
    else:
        wording, name = (
            _UNREACHABLE,
            {Action.TELL_UNREACHABLE: "unreachable", Action.TELL_LATER: "later"}.get(action),
        )
    return f"{name}.{language if language in wording else 'en'}" if name else None


def language_code(language: str) -> str:
    """The BCP 47 tag that Twilio's recogniser takes for a language."""
    return LANGUAGE_CODES.get(language, LANGUAGE_CODES["en"])
