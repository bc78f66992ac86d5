"""What people are told that isn't about a verdict: its kinds, who hears of each, when, in which words. Pure.

A kind that is not listed here is stored and shown like the others, and told to the operator in general words.
"""

from collections.abc import Iterable
from enum import StrEnum

from callguard.domain import sms
from callguard.domain.channel_texts import in_language
from callguard.domain.listening import Fault

MOST_GSM_7 = 306
URGENT_SECONDS = 2.0
DAILY_CAP = 6
"""Messages of notices about one person to one recipient in 24 hours; what is beyond is only shown."""


class Kind(StrEnum):
    """Kinds beside the faults of listening (`domain.listening.Fault`)."""

    FORWARDING_LOOP = "forwarding_loop"
    VOICEMAIL = "voicemail"
    ALERT_NOT_SENT = "alert_not_sent"
    NO_VERIFIED_CONTACT = "no_verified_contact"
    CONTACT_OPTED_OUT = "contact_opted_out"
    PROTECTION_OFF = "protection_off"
    PROTECTION_ON = "protection_on"
    LLM_BUDGET_SPENT = "llm_budget_spent"


class Recipient(StrEnum):
    """Who asked for notices."""

    OPERATOR = "operator"
    PERSON = "person"
    CONTACT = "contact"


# Somebody may be without help until the operator acts.
_URGENT = frozenset(
    {Kind.ALERT_NOT_SENT, Kind.NO_VERIFIED_CONTACT, Kind.CONTACT_OPTED_OUT, Kind.PROTECTION_OFF}
)
# What a family can make use of; the rest is for who runs the server.
_FOR_FAMILIES = frozenset({*Fault, Kind.VOICEMAIL, Kind.PROTECTION_OFF, Kind.PROTECTION_ON})

_DEGRADED = {
    "en": "A call to {who} can't be listened to as it should be: a scam in it may go unnoticed.",
    "es": "Una llamada a {who} no se escucha como debería: una estafa podría pasar inadvertida.",
    "fr": "Un appel à {who} n'est pas écouté comme il faut : une arnaque peut passer inaperçue.",
    "de": "Ein Anruf bei {who} wird nicht mitgehört, wie er sollte: Ein Betrug kann unbemerkt bleiben.",
    "pt": "Uma chamada para {who} não é ouvida como deve ser: uma burla pode passar despercebida.",
}
_TEXTS: dict[str, dict[str, str]] = dict.fromkeys(Fault, _DEGRADED) | {
    Kind.FORWARDING_LOOP: {
        "en": "The phone of {who} forwards our calls back to us. Please check its call forwarding.",
        "es": "El teléfono de {who} nos devuelve las llamadas. Revise su desvío de llamadas.",
        "fr": "Le téléphone de {who} nous renvoie nos appels. Veuillez vérifier son renvoi d'appel.",
        "de": "Das Telefon von {who} leitet unsere Anrufe zurück. Bitte prüfen Sie die Rufumleitung.",
        "pt": "O telefone de {who} devolve-nos as chamadas. Verifique o reencaminhamento.",
    },
    Kind.VOICEMAIL: {
        "en": "There is a new voice message for {who}.",
        "es": "Hay un nuevo mensaje de voz para {who}.",
        "fr": "Il y a un nouveau message vocal pour {who}.",
        "de": "Es gibt eine neue Sprachnachricht für {who}.",
        "pt": "Há uma nova mensagem de voz para {who}.",
    },
    Kind.ALERT_NOT_SENT: {
        "en": "An alert about {who} did not get out. Please check on them, and look at the dashboard.",
        "es": "Una alerta sobre {who} no ha salido. Compruebe que está bien y mire el panel.",
        "fr": "Une alerte concernant {who} n'est pas partie. Prenez des nouvelles, voyez le tableau.",
        "de": "Eine Warnung zu {who} ging nicht hinaus. Bitte sehen Sie nach, auch in der Übersicht.",
        "pt": "Um alerta sobre {who} não saiu. Veja se está bem e consulte o painel.",
    },
    Kind.NO_VERIFIED_CONTACT: {
        "en": "{who} has no verified contact: nobody could be told of a suspicious call.",
        "es": "{who} no tiene ningún contacto verificado: no se pudo avisar a nadie de una llamada.",
        "fr": "{who} n'a aucun contact vérifié : personne n'a pu être averti d'un appel suspect.",
        "de": "{who} hat keinen bestätigten Kontakt: Niemand konnte vor einem Anruf gewarnt werden.",
        "pt": "{who} não tem nenhum contacto verificado: ninguém pôde ser avisado de uma chamada.",
    },
    Kind.CONTACT_OPTED_OUT: {
        "en": "A contact of {who} has stopped our text messages. Alerts to them now go by phone call.",
        "es": "Un contacto de {who} ha bloqueado los mensajes. Ahora se le avisa por llamada.",
        "fr": "Un contact de {who} a arrêté nos SMS. Les alertes lui parviennent désormais par appel.",
        "de": "Ein Kontakt von {who} hat die SMS abbestellt. Warnungen kommen dort nun per Anruf.",
        "pt": "Um contacto de {who} cancelou os SMS. Os alertas seguem agora por chamada.",
    },
    Kind.PROTECTION_OFF: {
        "en": "The self-test failed: calls to {who} may not be protected. Please look at the dashboard.",
        "es": "La prueba automática falló: las llamadas a {who} quizá no estén protegidas. Mire el panel.",
        "fr": "L'autotest a échoué : les appels à {who} ne sont peut-être pas protégés.",
        "de": "Der Selbsttest schlug fehl: Anrufe bei {who} sind vielleicht nicht geschützt.",
        "pt": "O autoteste falhou: as chamadas para {who} podem não estar protegidas. Veja o painel.",
    },
    Kind.PROTECTION_ON: {
        "en": "The self-test works again: calls to {who} are protected.",
        "es": "La prueba automática vuelve a funcionar: las llamadas a {who} están protegidas.",
        "fr": "L'autotest fonctionne à nouveau : les appels à {who} sont protégés.",
        "de": "Der Selbsttest gelingt wieder: Anrufe bei {who} sind geschützt.",
        "pt": "O autoteste voltou a funcionar: as chamadas para {who} estão protegidas.",
    },
    Kind.LLM_BUDGET_SPENT: {
        "en": "Today's budget of the LLM judge is used up: until tomorrow calls to {who} do without it.",
        "es": "El presupuesto diario del juez LLM se agotó: hasta mañana, las llamadas a {who} van sin él.",
        "fr": "Le budget du jour du juge LLM est épuisé : jusqu'à demain, les appels à {who} s'en passent.",
        "de": "Das Tagesbudget des LLM-Richters ist verbraucht: Bis morgen geht es bei {who} ohne ihn.",
        "pt": "O orçamento diário do juiz LLM esgotou-se: até amanhã, as chamadas para {who} vão sem ele.",
    },
}
_GENERAL = {
    "en": "There is something to know about the protection of {who}. Please look at the dashboard.",
    "es": "Hay novedades sobre la protección de {who}. Mire el panel, por favor.",
    "fr": "Il y a du nouveau sur la protection de {who}. Veuillez consulter le tableau de bord.",
    "de": "Zum Schutz von {who} gibt es etwas zu wissen. Bitte sehen Sie in die Übersicht.",
    "pt": "Há novidades sobre a proteção de {who}. Consulte o painel, por favor.",
}
_SOMEBODY = {
    "en": "the person you look after",
    "es": "la persona a su cuidado",
    "fr": "la personne que vous suivez",
    "de": "der Person, um die Sie sich kümmern",
    "pt": "a pessoa de quem cuida",
}
_SUBJECT = {
    "en": "callguard notice",
    "es": "Aviso de callguard",
    "fr": "Avis de callguard",
    "de": "Hinweis von callguard",
    "pt": "Aviso do callguard",
}


def delay_seconds(kind: str, batch_seconds: float) -> float:
    """How long a notice waits for others to travel with."""
    return URGENT_SECONDS if kind in _URGENT else batch_seconds


def kinds_for(recipient: Recipient, kinds: Iterable[str]) -> tuple[str, ...]:
    """What of these a recipient is told, each kind once."""
    heard = dict.fromkeys(kinds)
    return tuple(kind for kind in heard if recipient is Recipient.OPERATOR or kind in _FOR_FAMILIES)


def sentences(kinds: Iterable[str], person: str, language: str) -> tuple[str, ...]:
    """What these kinds mean, in fixed words and the person's name; what reads the same stands once."""
    who = sms.plain_name(person)[:40].rstrip() or in_language(_SOMEBODY, language)
    texts = (in_language(_TEXTS.get(kind, _GENERAL), language) for kind in kinds)
    return tuple(dict.fromkeys(text.format(who=who) for text in texts))


def subject(language: str) -> str:
    """Of an e-mail."""
    return in_language(_SUBJECT, language)


def text_message(kinds: Iterable[str], person: str, language: str) -> str:
    """An SMS of two segments at the most: what does not fit is counted, and stands on the dashboard."""
    said = [sms.plain(sentence) for sentence in sentences(kinds, person, language)]
    kept = len(said)
    while kept > 1 and not _fits(_joined(said, kept)):
        kept -= 1
    text = _joined(said, kept)
    return text if _fits(text) else sms.clip(text, sms.MOST_UCS_2)


def _joined(said: list[str], kept: int) -> str:
    more = f" (+{len(said) - kept})" if kept < len(said) else ""
    return f"callguard: {' '.join(said[:kept])}{more}"


def _fits(text: str) -> bool:
    return sms.units(text) <= (MOST_GSM_7 if sms.fits_gsm_7(text) else sms.MOST_UCS_2)
