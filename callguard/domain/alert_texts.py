"""What a contact reads in a text message: fixed words in five languages, two segments at the most.

A message is made of parts. What must be in it always is; the others are put in by their importance while
there is room: the link to the evidence, a quotation, the caller, the kind of fraud, advice.
"""

from dataclasses import dataclass
from enum import StrEnum

from callguard.domain import sms
from callguard.domain.caller import WITHHELD, spoken_number
from callguard.domain.fraud_words import fraud_in
from callguard.domain.quotations import quotable
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType

LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class _Words:
    """A language's parts. The short ones are for a name that makes the message one of UCS-2."""

    somebody: str
    danger: str
    warning: str
    over_danger: str
    over_warning: str
    message_danger: str
    message_warning: str
    over_ring: str
    message_ring: str
    late_reply: str
    short_late_reply: str
    short_danger: str
    short_warning: str
    kind: str
    caller: str
    withheld: str
    no_number: str
    quotation: str
    ring: str
    check: str
    link: str
    reply: str
    short_reply: str
    invitation: str


_WORDS = {
    "en": _Words(
        somebody="the person you look after",
        danger="callguard ALERT: {who} is on the phone with a likely scammer.",
        warning="callguard warning: a call to {who} sounds suspicious.",
        over_danger="callguard ALERT: {who} was on the phone with a likely scammer.",
        over_warning="callguard warning: a call to {who} sounded suspicious.",
        message_danger="callguard ALERT: a likely scammer left {who} a message.",
        message_warning="callguard warning: a message left for {who} sounds suspicious.",
        over_ring="Ring or go there: was anything paid or told?",
        message_ring="Have them not call back; no money.",
        late_reply="Reply SAFE or CALL (not STOP). Code {code}",
        short_late_reply="Reply SAFE (not STOP) {code}",
        short_danger="callguard ALERT: {who}, scam call.",
        short_warning="callguard warning: {who}, odd call.",
        kind="It may be {kind}.",
        caller="Caller: {caller}.",
        withheld="withheld number",
        no_number="no phone number",
        quotation='They said: "{quotation}".',
        ring="Ring or go there at once; no money.",
        check="Please check on them now.",
        link="Why: {link}",
        reply="Reply HANGUP, SAFE or CALL (not STOP). Code {code}",
        short_reply="Reply HANGUP (not STOP) {code}",
        invitation="callguard: {who} has named you as somebody to alert when a phone call to them sounds "
        "like a scam. If you agree, reply YES {code}. If not, ignore this message or reply STOP.",
    ),
    "es": _Words(
        somebody="la persona a su cuidado",
        danger="callguard ALERTA: {who} habla por teléfono con un probable estafador.",
        warning="callguard aviso: una llamada a {who} parece sospechosa.",
        over_danger="callguard ALERTA: {who} habló por teléfono con un probable estafador.",
        over_warning="callguard aviso: una llamada a {who} pareció sospechosa.",
        message_danger="callguard ALERTA: un probable estafador dejó un mensaje a {who}.",
        message_warning="callguard aviso: un mensaje para {who} parece sospechoso.",
        over_ring="Llame o vaya: ¿ha pagado o dicho algo?",
        message_ring="Que no devuelva la llamada; nada de dinero.",
        late_reply="Responda SEGURO o LLAMAR (no STOP). Código {code}",
        short_late_reply="Responda SEGURO (no STOP) {code}",
        short_danger="callguard ALERTA: {who}, estafa.",
        short_warning="callguard aviso: {who}, llamada rara.",
        kind="Puede ser {kind}.",
        caller="Llama: {caller}.",
        withheld="número oculto",
        no_number="sin número",
        quotation='Dijo: "{quotation}".',
        ring="Llame o vaya enseguida; nada de dinero.",
        check="Compruebe ahora cómo está.",
        link="Por qué: {link}",
        reply="Responda COLGAR, SEGURO o LLAMAR (no STOP). Código {code}",
        short_reply="Responda COLGAR (no STOP) {code}",
        invitation="callguard: {who} le ha elegido para recibir avisos cuando una llamada parezca una "
        "estafa. Si está de acuerdo, responda SI {code}. Si no, ignore este mensaje o responda STOP.",
    ),
    "fr": _Words(
        somebody="la personne que vous suivez",
        danger="callguard ALERTE : {who} est au téléphone avec un escroc probable.",
        warning="callguard attention : un appel à {who} semble suspect.",
        over_danger="callguard ALERTE : {who} a été au téléphone avec un escroc probable.",
        over_warning="callguard attention : un appel à {who} semblait suspect.",
        message_danger="callguard ALERTE : un escroc probable a laissé un message à {who}.",
        message_warning="callguard attention : un message pour {who} semble suspect.",
        over_ring="Appelez ou allez-y : rien payé, rien dit ?",
        message_ring="Ne pas rappeler ; pas d'argent.",
        late_reply="Répondez SUR ou APPELER (pas STOP). Code {code}",
        short_late_reply="Répondez SUR (pas STOP) {code}",
        short_danger="callguard ALERTE: {who}, arnaque.",
        short_warning="callguard attention : {who}, appel suspect.",
        kind="Peut-être {kind}.",
        caller="Appelant : {caller}.",
        withheld="numéro masqué",
        no_number="sans numéro",
        quotation='Il a dit : "{quotation}".',
        ring="Appelez ou allez-y tout de suite ; pas d'argent.",
        check="Prenez de ses nouvelles maintenant.",
        link="Pourquoi : {link}",
        reply="Répondez RACCROCHER, SUR ou APPELER (pas STOP). Code {code}",
        short_reply="Répondez RACCROCHER (pas STOP) {code}",
        invitation="callguard : {who} vous a choisi pour être alerté quand un appel semble être une arnaque. "
        "Si vous êtes d'accord, répondez OUI {code}. Sinon, ignorez ce message ou répondez STOP.",
    ),
    "de": _Words(
        somebody="die Person, um die Sie sich kümmern",
        danger="callguard ALARM: {who} telefoniert wahrscheinlich mit einem Betrüger.",
        warning="callguard Warnung: Ein Anruf bei {who} klingt verdächtig.",
        over_danger="callguard ALARM: {who} hat wahrscheinlich mit einem Betrüger telefoniert.",
        over_warning="callguard Warnung: Ein Anruf bei {who} klang verdächtig.",
        message_danger="callguard ALARM: {who} hat wohl eine Nachricht von einem Betrüger bekommen.",
        message_warning="callguard Warnung: Eine Nachricht für {who} klingt verdächtig.",
        over_ring="Rufen Sie an oder gehen Sie hin: Wurde etwas bezahlt oder verraten?",
        message_ring="Bitte nicht zurückrufen; kein Geld.",
        late_reply="Antworten Sie SICHER oder ANRUFEN (nicht STOP). Code {code}",
        short_late_reply="Antwort SICHER (nicht STOP) {code}",
        short_danger="callguard ALARM: {who}, Betrug.",
        short_warning="callguard Warnung: {who}, seltsamer Anruf.",
        kind="Vielleicht {kind}.",
        caller="Anrufer: {caller}.",
        withheld="unterdrückte Nummer",
        no_number="keine Nummer",
        quotation='Gesagt wurde: "{quotation}".',
        ring="Rufen Sie an oder gehen Sie hin; kein Geld.",
        check="Bitte sehen Sie jetzt nach.",
        link="Warum: {link}",
        reply="Antworten Sie AUFLEGEN, SICHER oder ANRUFEN (nicht STOP). Code {code}",
        short_reply="Antwort AUFLEGEN (nicht STOP) {code}",
        invitation="callguard: {who} hat Sie genannt, um gewarnt zu werden, wenn ein Anruf nach Betrug "
        "klingt. Sind Sie einverstanden, antworten Sie JA {code}. Wenn nicht, ignorieren Sie dies oder "
        "antworten Sie STOP.",
    ),
    "pt": _Words(
        somebody="a pessoa de quem cuida",
        danger="callguard ALERTA: {who} está ao telefone com um provável burlão.",
        warning="callguard aviso: uma chamada para {who} parece suspeita.",
        over_danger="callguard ALERTA: {who} esteve ao telefone com um provável burlão.",
        over_warning="callguard aviso: uma chamada para {who} pareceu suspeita.",
        message_danger="callguard ALERTA: um provável burlão deixou uma mensagem a {who}.",
        message_warning="callguard aviso: uma mensagem para {who} parece suspeita.",
        over_ring="Ligue ou vá lá: pagou ou disse alguma coisa?",
        message_ring="Que não ligue de volta; nada de dinheiro.",
        late_reply="Responda SEGURO ou LIGAR (não STOP). Código {code}",
        short_late_reply="Responda SEGURO (não STOP) {code}",
        short_danger="callguard ALERTA: {who}, burla.",
        short_warning="callguard aviso: {who}, chamada suspeita.",
        kind="Pode ser {kind}.",
        caller="Quem liga: {caller}.",
        withheld="número oculto",
        no_number="sem número",
        quotation='Disse: "{quotation}".',
        ring="Ligue ou vá lá já; nada de dinheiro.",
        check="Veja agora como está.",
        link="Porquê: {link}",
        reply="Responda DESLIGAR, SEGURO ou LIGAR (não STOP). Código {code}",
        short_reply="Responda DESLIGAR (não STOP) {code}",
        invitation="callguard: {who} escolheu-o para ser avisado quando uma chamada parecer uma burla. "
        "Se concorda, responda SIM {code}. Se não, ignore esta mensagem ou responda STOP.",
    ),
}


class Moment(StrEnum):
    """What was going on when the alert was decided: the call, nothing any more, or a message was left."""

    LIVE = "live"
    OVER = "over"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class AlertText:
    """What an alert's message tells. `caller` as `caller_number` gives it; `quotation` is put in only where
    the person's wishes allow it; `link` leads to the evidence.
    """

    level: AlertLevel
    person: str
    caller: str
    fraud_type: FraudType | None
    code: str
    quotation: str | None = None
    link: str | None = None
    moment: Moment = Moment.LIVE


def alert_message(text: AlertText, language: str) -> str:
    """The SMS. Its last word is the code; a name in a script that GSM-7 lacks gets the short form."""
    words = _WORDS.get(language, _WORDS["en"])
    who = _beginning(sms.plain_name(text.person), LONGEST_NAME) or words.somebody
    short = not sms.fits_gsm_7(sms.plain(who))
    opening, reply = _frame(words, text, short=short)
    reply = sms.plain(reply.format(code=text.code))
    room = (sms.MOST_UCS_2 if short else sms.MOST_GSM_7) - len(reply) - 1
    who = sms.clip(who, room - len(sms.plain(opening.format(who=""))))
    opening = sms.plain(opening.format(who=who))
    parts = _by_importance(words, language, text, bare_link=short)
    chosen = _chosen(parts, room - sms.units(opening))
    return " ".join([opening, *(part for _, part in sorted(chosen)), reply])


def _frame(words: _Words, text: AlertText, *, short: bool) -> tuple[str, str]:
    """How the message begins, and how it is answered: nobody can hang up on a call that is over."""
    danger, live = text.level is AlertLevel.DANGER, text.moment is Moment.LIVE
    if short:
        opening = words.short_danger if danger else words.short_warning
        return opening, words.short_reply if live else words.short_late_reply
    openings = {
        Moment.LIVE: (words.danger, words.warning),
        Moment.OVER: (words.over_danger, words.over_warning),
        Moment.MESSAGE: (words.message_danger, words.message_warning),
    }
    in_danger, in_doubt = openings[text.moment]
    return in_danger if danger else in_doubt, words.reply if live else words.late_reply


def _advice(words: _Words, text: AlertText) -> str:
    if text.level is not AlertLevel.DANGER:
        return words.check
    return {
        Moment.LIVE: words.ring,
        Moment.OVER: words.over_ring,
        Moment.MESSAGE: words.message_ring,
    }[text.moment]


def _by_importance(
    words: _Words, language: str, text: AlertText, *, bare_link: bool
) -> list[tuple[int, str]]:
    """The parts that may be left out, the most important first, each with its place in the message."""
    parts: list[tuple[int, str]] = []
    if text.link and sms.fits_gsm_7(text.link):
        parts.append((5, text.link if bare_link else words.link.format(link=text.link)))
    quoted = quotable(text.quotation or "")
    if quoted:
        parts.append((3, words.quotation.format(quotation=quoted)))
    parts += [
        (2, words.caller.format(caller=_shown(text.caller, words))),
        (1, words.kind.format(kind=fraud_in(language, text.fraud_type))),
        (4, _advice(words, text)),
    ]
    return [(place, sms.plain(part)) for place, part in parts]


def _chosen(parts: list[tuple[int, str]], room: int) -> list[tuple[int, str]]:
    chosen = []
    for place, part in parts:
        if len(part) + 1 <= room:
            chosen.append((place, part))
            room -= len(part) + 1
    return chosen


def invitation_message(person: str, code: str, language: str) -> str:
    """Asks a contact to confirm their number; its code is theirs alone."""
    words = _WORDS.get(language, _WORDS["en"])
    who = _beginning(sms.plain_name(person), LONGEST_NAME) or words.somebody
    if not sms.fits_gsm_7(sms.plain(who)):
        who = words.somebody
    return sms.plain(words.invitation.format(who=who[:1].upper() + who[1:], code=code))


def _shown(caller: str, words: _Words) -> str:
    """Addresses that are no numbers are the caller's own words, and stay out."""
    if caller == WITHHELD:
        return words.withheld
    return spoken_number(caller) if caller.startswith("+") else words.no_number


def _beginning(text: str, most: int) -> str:
    """As much of a text as `most` characters hold."""
    return text[:most].rstrip()
