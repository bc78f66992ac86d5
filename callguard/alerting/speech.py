"""What is said on the telephone about an alert, and where Twilio tells what became of it."""

from urllib.parse import urlencode

from callguard.domain import sms
from callguard.domain.alert_texts import Moment
from callguard.domain.ladder import Wording
from callguard.domain.ladder_texts import TO_THE_CALLER, whisper_words
from callguard.domain.reply_texts import Told, words_of
from callguard.domain.scoring import AlertLevel
from callguard.domain.signal_words import kind_of
from callguard.domain.signals import FraudType
from callguard.intake.twiml import RETRIED, language_code, templates

LONGEST_NAME = 40

_SOMEBODY = {
    "en": "The person you look after",
    "es": "La persona a su cuidado",
    "fr": "La personne que vous suivez",
    "de": "Die Person, um die Sie sich kümmern",
    "pt": "A pessoa de quem cuida",
}
_REASON = {
    (AlertLevel.DANGER, Moment.LIVE): {
        "en": "{who} is on the phone with a likely scammer: {kind}.",
        "es": "{who} habla por teléfono con un probable estafador.",
        "fr": "{who} est au téléphone avec un escroc probable.",
        "de": "{who} telefoniert wahrscheinlich mit einem Betrüger.",
        "pt": "{who} está ao telefone com um provável burlão.",
    },
    (AlertLevel.DANGER, Moment.OVER): {
        "en": "{who} was on the phone with a likely scammer: {kind}.",
        "es": "{who} habló por teléfono con un probable estafador.",
        "fr": "{who} a été au téléphone avec un escroc probable.",
        "de": "{who} hat wahrscheinlich mit einem Betrüger telefoniert.",
        "pt": "{who} esteve ao telefone com um provável burlão.",
    },
    (AlertLevel.DANGER, Moment.MESSAGE): {
        "en": "A likely scammer left {who} a message: {kind}.",
        "es": "Un probable estafador dejó un mensaje a {who}.",
        "fr": "Un escroc probable a laissé un message à {who}.",
        "de": "Ein wahrscheinlicher Betrüger hat {who} eine Nachricht hinterlassen.",
        "pt": "Um provável burlão deixou uma mensagem a {who}.",
    },
    (AlertLevel.WARNING, Moment.LIVE): {
        "en": "{who} is in a phone call that sounds suspicious: it may be {kind}.",
        "es": "{who} está en una llamada que parece sospechosa.",
        "fr": "{who} est dans un appel qui semble suspect.",
        "de": "{who} führt ein Gespräch, das verdächtig klingt.",
        "pt": "{who} está numa chamada que parece suspeita.",
    },
    (AlertLevel.WARNING, Moment.OVER): {
        "en": "{who} had a phone call that sounded suspicious: it may have been {kind}.",
        "es": "{who} tuvo una llamada que pareció sospechosa.",
        "fr": "{who} a eu un appel qui semblait suspect.",
        "de": "{who} hatte ein Gespräch, das verdächtig klang.",
        "pt": "{who} teve uma chamada que pareceu suspeita.",
    },
    (AlertLevel.WARNING, Moment.MESSAGE): {
        "en": "Somebody left {who} a message that sounds suspicious: it may be {kind}.",
        "es": "Alguien dejó a {who} un mensaje que parece sospechoso.",
        "fr": "Quelqu'un a laissé à {who} un message qui semble suspect.",
        "de": "Jemand hat {who} eine Nachricht hinterlassen, die verdächtig klingt.",
        "pt": "Alguém deixou a {who} uma mensagem que parece suspeita.",
    },
}
_KEYS = {
    "en": "Press 1 to hang up on the caller, 2 if it is fine, 3 to be connected to the call.",
    "es": "Pulse 1 para cortar a quien llama, 2 si todo está bien, 3 para entrar en la llamada.",
    "fr": "Tapez 1 pour couper l'appelant, 2 si tout va bien, 3 pour rejoindre l'appel.",
    "de": "Drücken Sie die 1, um den Anrufer zu trennen, die 2, wenn alles gut ist, die 3, um mitzusprechen.",
    "pt": "Prima 1 para desligar quem ligou, 2 se está tudo bem, 3 para entrar na chamada.",
}
# Of a call that is over there is nothing to hang up on, or to join.
_LATE_KEYS = {
    "en": "Press 2 if it is fine.",
    "es": "Pulse 2 si todo está bien.",
    "fr": "Tapez 2 si tout va bien.",
    "de": "Drücken Sie die 2, wenn alles gut ist.",
    "pt": "Prima 2 se está tudo bem.",
}


class AlertSpeech:
    """Renders for one public address."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._templates = templates()

    def alert_call(
        self,
        alert_id: object,
        level: AlertLevel,
        person: str,
        fraud_type: FraudType | None,
        language: str,
        moment: Moment = Moment.LIVE,
    ) -> str:
        """Rings with the reason in fixed words, and listens for a key."""
        who = sms.plain_name(person)[:LONGEST_NAME].rstrip() or _in(_SOMEBODY, language)
        keys = _KEYS if moment is Moment.LIVE else _LATE_KEYS
        reason = _in(_REASON[level, moment], language).format(
            who=who, kind=kind_of(fraud_type or FraudType.OTHER)
        )
        return self._render(
            "alert_call.xml",
            answer_url=self._url("/alert-answer", alert=alert_id),
            language_code=language_code(language),
            words=f"callguard. {reason} {_in(keys, language)}",
        )

    def answered(self, told: Told, language: str) -> str:
        """Says what a key press brought about, and hangs up."""
        return self._render(
            "alert_answered.xml", language_code=language_code(language), words=words_of(told, language)
        )

    def join_conference(self, conference_name: str, label: str) -> str:
        """Brings whoever is on the line into the call."""
        return self._render("join_conference.xml", conference_name=conference_name, label=label)

    def hold(self, language: str) -> str:
        """Spoken to a caller who is put on hold."""
        return self._render(
            "hold.xml", language_code=language_code(language), words=_in(TO_THE_CALLER, language)
        )

    def hold_url(self, language: str) -> str:
        """Where `hold` is to be had."""
        return self._url("/hold-announcement", language=language)

    def whisper(self, wording: Wording | None, language: str) -> str:
        """Spoken to the person alone; silence without a wording."""
        words = whisper_words(wording, language) if wording else ""
        return self._render("whisper.xml", language_code=language_code(language), words=words)

    def whisper_url(self, step_id: object, wording: str, language: str) -> str:
        """Where `whisper` is to be had, once."""
        return self._url("/whisper", step=step_id, wording=wording, language=language)

    def message_status_url(self, alert_id: object) -> str:
        """Where Twilio tells how an alert's message fares."""
        return self._url("/message-status", alert=alert_id) + RETRIED

    def call_status_url(self, alert_id: object) -> str:
        """Where Twilio tells how a spoken alert fares."""
        return self._url("/alert-call-status", alert=alert_id) + RETRIED

    def _url(self, path: str, **query: object) -> str:
        return f"{self._base_url}{path}?{urlencode(query)}"

    def _render(self, name: str, **values: str) -> str:
        return self._templates.get_template(name).render(**values).strip()


def _in(texts: dict[str, str], language: str) -> str:
    return texts.get(language, texts["en"])


def participant_label(contact_id: object) -> str:
    """The contact's label in the conference."""
    return f"contact-{contact_id}"
