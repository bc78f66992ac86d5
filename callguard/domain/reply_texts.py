"""What a contact is told after a reply, in the language of the person they look after: fixed words."""

from enum import StrEnum

from callguard.domain import sms
from callguard.domain.replies import Action


class Told(StrEnum):
    """An acknowledgement. Those of actions bear their names."""

    HANG_UP = Action.HANG_UP
    SAFE = Action.SAFE
    SCAM = Action.SCAM
    CALL = Action.CALL
    JOIN = Action.JOIN
    HOLD = Action.HOLD
    RESUME = Action.RESUME
    START = Action.START
    HELP = Action.HELP
    WHICH = "which"
    NOTHING_OPEN = "nothing_open"
    OVER = "over"
    NOT_HERE = "not_here"
    SEEN = "seen"
    WELCOME = "welcome"
    NO_INVITATION = "no_invitation"


_TEXTS: dict[Told, dict[str, str]] = {
    Told.HANG_UP: {
        "en": "callguard: ending the caller's call now.",
        "es": "callguard: se corta ahora la llamada.",
        "fr": "callguard : l'appel est coupé maintenant.",
        "de": "callguard: Der Anruf wird jetzt beendet.",
        "pt": "callguard: a chamada está a ser desligada.",
    },
    Told.SAFE: {
        "en": "callguard: noted as safe. No more alerts for this call.",
        "es": "callguard: anotado como seguro. No habrá más avisos de esta llamada.",
        "fr": "callguard : noté comme sûr. Plus d'alerte pour cet appel.",
        "de": "callguard: Als sicher notiert. Keine weiteren Warnungen zu diesem Anruf.",
        "pt": "callguard: anotado como seguro. Não haverá mais alertas desta chamada.",
    },
    Told.SCAM: {
        "en": "callguard: noted as a scam, and the caller with it. HANGUP ends a call that still goes on.",
        "es": "callguard: anotado como estafa, y quien llamó. COLGAR corta una llamada en curso.",
        "fr": "callguard : noté comme une arnaque, l'appelant aussi. RACCROCHER coupe un appel en cours.",
        "de": "callguard: Als Betrug notiert, der Anrufer auch. AUFLEGEN beendet einen laufenden Anruf.",
        "pt": "callguard: anotado como burla, e quem ligou. DESLIGAR termina uma chamada em curso.",
    },
    Told.CALL: {
        "en": "callguard: we are ringing you now.",
        "es": "callguard: le llamamos ahora.",
        "fr": "callguard : nous vous appelons maintenant.",
        "de": "callguard: Wir rufen Sie jetzt an.",
        "pt": "callguard: estamos a ligar-lhe agora.",
    },
    Told.JOIN: {
        "en": "callguard: we are ringing you now to bring you into the call.",
        "es": "callguard: le llamamos ahora para que entre en la llamada.",
        "fr": "callguard : nous vous appelons pour vous faire entrer dans l'appel.",
        "de": "callguard: Wir rufen Sie jetzt an und holen Sie in das Gespräch.",
        "pt": "callguard: estamos a ligar-lhe para entrar na chamada.",
    },
    Told.HOLD: {
        "en": "callguard: the caller is put on hold, for 3 minutes at most. RESUME lets them talk again.",
        "es": "callguard: quien llama queda en espera, 3 minutos como máximo. Con REANUDAR sigue.",
        "fr": "callguard : l'appelant est mis en attente, 3 minutes au plus. CONTINUER le reprend.",
        "de": "callguard: Der Anrufer wird gehalten, höchstens 3 Minuten. WEITER holt ihn zurück.",
        "pt": "callguard: quem ligou fica em espera, 3 minutos no máximo. RETOMAR deixa-o falar.",
    },
    Told.RESUME: {
        "en": "callguard: the caller can talk again.",
        "es": "callguard: quien llama puede volver a hablar.",
        "fr": "callguard : l'appelant peut de nouveau parler.",
        "de": "callguard: Der Anrufer kann wieder sprechen.",
        "pt": "callguard: quem ligou pode falar de novo.",
    },
    Told.START: {
        "en": "callguard: you get alerts by text message again.",
        "es": "callguard: vuelve a recibir avisos por mensaje.",
        "fr": "callguard : vous recevez de nouveau les alertes par message.",
        "de": "callguard: Sie erhalten wieder Warnungen per Nachricht.",
        "pt": "callguard: volta a receber alertas por mensagem.",
    },
    Told.HELP: {
        "en": "callguard: reply HANGUP, SAFE, SCAM, CALL (we ring you), JOIN or HOLD, and the alert's code.",
        "es": "callguard: responda COLGAR, SEGURO, ESTAFA, LLAMAR, ENTRAR o ESPERA, y el código del aviso.",
        "fr": "callguard : répondez RACCROCHER, SUR, ARNAQUE, APPELER, REJOINDRE ou ATTENTE, et le code.",
        "de": "callguard: Antworten Sie AUFLEGEN, SICHER, BETRUG, ANRUFEN, BEITRETEN, HALTEN, und den Code.",
        "pt": "callguard: responda DESLIGAR, SEGURO, BURLA, LIGAR, ENTRAR ou ESPERA, e o código do alerta.",
    },
    Told.WHICH: {
        "en": "callguard: which alert? Reply with the word and the alert's code, as in HANGUP A1B2C3.",
        "es": "callguard: ¿qué aviso? Responda con la palabra y el código del aviso: COLGAR A1B2C3.",
        "fr": "callguard : quelle alerte ? Répondez avec le mot et son code : RACCROCHER A1B2C3.",
        "de": "callguard: Welche Warnung? Antworten Sie mit Wort und Code: AUFLEGEN A1B2C3.",
        "pt": "callguard: qual alerta? Responda com a palavra e o código do alerta: DESLIGAR A1B2C3.",
    },
    Told.NOTHING_OPEN: {
        "en": "callguard: there is no alert to answer at the moment.",
        "es": "callguard: no hay ningún aviso que responder en este momento.",
        "fr": "callguard : il n'y a aucune alerte en ce moment.",
        "de": "callguard: Es gibt zurzeit keine Warnung zu beantworten.",
        "pt": "callguard: não há nenhum alerta para responder neste momento.",
    },
    Told.NOT_HERE: {
        "en": "callguard: this call can't be held or joined. Reply HANGUP to end it, or ring them yourself.",
        "es": "callguard: en esta llamada no es posible. Responda COLGAR para cortarla, o llame usted.",
        "fr": "callguard : impossible pour cet appel. Répondez RACCROCHER, ou appelez vous-même.",
        "de": "callguard: Bei diesem Anruf geht das nicht. Antworten Sie AUFLEGEN, oder rufen Sie selbst an.",
        "pt": "callguard: não é possível nesta chamada. Responda DESLIGAR, ou ligue você mesmo.",
    },
    Told.OVER: {
        "en": "callguard: that call is over already. Please ring them yourself.",
        "es": "callguard: esa llamada ya terminó. Llame usted mismo, por favor.",
        "fr": "callguard : cet appel est déjà terminé. Veuillez rappeler vous-même.",
        "de": "callguard: Dieser Anruf ist schon beendet. Bitte rufen Sie selbst an.",
        "pt": "callguard: essa chamada já terminou. Por favor, ligue você mesmo.",
    },
    Told.SEEN: {
        "en": "callguard: noted that you have seen this.",
        "es": "callguard: anotado que lo ha visto.",
        "fr": "callguard : noté que vous l'avez vu.",
        "de": "callguard: Notiert, dass Sie es gesehen haben.",
        "pt": "callguard: anotado que viu isto.",
    },
    Told.WELCOME: {
        "en": "callguard: thank you. You get alerts from now on. Reply STOP to end them.",
        "es": "callguard: gracias. A partir de ahora recibirá avisos. Responda STOP para no recibirlos.",
        "fr": "callguard : merci. Vous recevrez désormais les alertes. Répondez STOP pour y mettre fin.",
        "de": "callguard: Danke. Sie erhalten ab jetzt Warnungen. Antworten Sie STOP, um sie zu beenden.",
        "pt": "callguard: obrigado. A partir de agora recebe alertas. Responda STOP para terminar.",
    },
    Told.NO_INVITATION: {
        "en": "callguard: no open invitation fits this. Reply YES and the code of our newest message.",
        "es": "callguard: no corresponde a ninguna invitación. Responda SI y el código del último mensaje.",
        "fr": "callguard : aucune invitation ne correspond. Répondez OUI et le code du dernier message.",
        "de": "callguard: Dazu gibt es keine Einladung. Antworten Sie JA und den Code der letzten Nachricht.",
        "pt": "callguard: não corresponde a nenhum convite. Responda SIM e o código da última mensagem.",
    },
}


def words_of(told: Told, language: str) -> str:
    """As they are written and spoken; English for a language without texts."""
    texts = _TEXTS[told]
    return texts.get(language, texts["en"])


def acknowledgement(told: Told, language: str) -> str:
    """The SMS, in GSM-7 alone."""
    return sms.plain(words_of(told, language))
