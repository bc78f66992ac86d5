"""What a contact wants when they answer an alert, in the words of five languages, and which alert they mean.

Pure. A reply counts only as a whole: a text that holds other words besides is not understood, so that "don't
hang up" never hangs up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from callguard.domain.words import normalise

# An answer counts while its alert is this young.
WINDOW_MINUTES = 30


class Action(StrEnum):
    """What a reply or a key press asks for."""

    HANG_UP = "hang_up"
    SAFE = "safe"
    SCAM = "scam"
    CALL = "call"
    JOIN = "join"
    HOLD = "hold"
    RESUME = "resume"
    STOP = "stop"
    START = "start"
    HELP = "help"
    YES = "yes"


KEYS = {"1": Action.HANG_UP, "2": Action.SAFE, "3": Action.JOIN}

# As `normalise` leaves them; English, Spanish, French, German, Portuguese. END, CANCEL and QUIT opt out at
# the carrier, whatever was meant.
PHRASES: dict[Action, tuple[str, ...]] = {
    Action.HANG_UP: (
        *("hangup", "hang up", "hang up now", "end call"),
        *("colgar", "cuelga", "cuelgue", "raccrocher", "raccroche", "raccrochez"),
        *("auflegen", "leg auf", "legen sie auf", "desligar", "desliga", "desligue"),
    ),
    Action.SAFE: (
        *("safe", "its safe", "it is safe", "its fine", "it is fine", "false alarm"),
        *("seguro", "segura", "es seguro", "todo bien", "falsa alarma"),
        *("sur", "tout va bien", "fausse alerte", "sicher", "alles gut", "in ordnung", "fehlalarm"),
        *("tudo bem", "e seguro", "falso alarme", "alarme falso"),
    ),
    Action.SCAM: (
        *("scam", "fraud", "its a scam", "it is a scam", "it was a scam", "estafa", "es una estafa"),
        *("fue una estafa", "arnaque", "c etait une arnaque", "cetait une arnaque", "escroquerie", "fraude"),
        *("betrug", "es war betrug", "das war betrug", "burla", "golpe", "foi uma burla", "foi um golpe"),
    ),
    Action.CALL: (
        *("call", "call me", "ring me", "llamar", "llama", "llamame", "llameme"),
        *("appeler", "appelle", "appelle moi", "appelez moi", "rappeler"),
        *("anrufen", "anruf", "ruf an", "ruf mich an", "rufen sie mich an"),
        *("ligar", "liga me", "ligue me", "me liga", "me ligue"),
    ),
    Action.JOIN: (
        *("join", "join call", "unirme", "unir", "unirse", "rejoindre", "participer"),
        *("beitreten", "teilnehmen", "dazuschalten", "entrar", "participar", "juntar"),
    ),
    Action.HOLD: (
        *("hold", "on hold", "espera", "esperar", "en espera", "attente", "en attente", "attendre"),
        *("halten", "warten", "warteschleife", "aguardar", "em espera"),
    ),
    Action.RESUME: (
        *("resume", "unhold", "continue", "off hold", "reanudar", "continuar", "seguir"),
        *("continuer", "fortsetzen", "weiter", "zuruckholen", "retomar"),
    ),
    Action.STOP: (
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "parar", "baja", "cancelar"),
        *("arret", "arreter", "desabonner", "stopp", "abmelden", "abbestellen", "sair"),
    ),
    Action.START: (
        *("start", "unstop", "iniciar", "empezar", "alta", "commencer", "demarrer", "reprendre"),
        *("starten", "anmelden", "comecar", "voltar"),
    ),
    Action.HELP: ("help", "info", "ayuda", "aide", "hilfe", "ajuda"),
    Action.YES: (
        "yes",
        "si",
        "oui",
        "ja",
        "sim",
        "i agree",
        "acepto",
        "j accepte",
        "einverstanden",
        "aceito",
    ),
}
_ACTIONS = {phrase: action for action, phrases in PHRASES.items() for phrase in phrases}

_CODE = re.compile(r"[0-9a-f]{6}")
# Words that people copy with the code.
_ABOUT_THE_CODE = frozenset({"code", "ref", "codigo"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A text message as understood: None where it names no action, or no code."""

    action: Action | None
    code: str | None


def code_of(alert_id: UUID) -> str:
    """The alert's code, as its message shows it: 24 random bits, good for WINDOW_MINUTES."""
    return str(alert_id)[:6].upper()


def parse(text: str) -> Reply:
    """Case, accents and punctuation don't matter; the code may stand before or after the words."""
    whole = normalise(text)
    if whole in _ACTIONS:
        return Reply(_ACTIONS[whole], None)
    code: str | None = None
    rest = []
    for word in whole.split():
        if code is None and _CODE.fullmatch(word):
            code = word.upper()
        else:
            rest.append(word)
    if code is not None:
        rest = [word for word in rest if word not in _ABOUT_THE_CODE]
    return Reply(_ACTIONS.get(" ".join(rest)), code)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that may be answered: sent to the sender of a reply within the window.

    `holds`: the call's caller is on hold since this contact asked for it. `dialled_directly`: the call has no
    conference, so that nobody can be held or brought in.
    """

    id: UUID
    tenant_id: UUID
    contact_id: UUID
    call_id: UUID
    call_is_live: bool
    language: str
    holds: bool = False
    dialled_directly: bool = False

    @property
    def code(self) -> str:
        return code_of(self.id)


def meant(code: str | None, alerts: Sequence[OpenAlert], *, contacts: int) -> OpenAlert | None:
    """The alert that a reply answers, the newest of its call; None where only a code could tell.

    `alerts` stand newest first. A code decides; without one there must be one call (a live one before those
    that have ended) and one contact with the sender's number, of `contacts`.
    """
    if code is not None:
        return next((alert for alert in alerts if alert.code == code), None)
    candidates = [alert for alert in alerts if alert.call_is_live] or list(alerts)
    if contacts > 1 or len({alert.call_id for alert in candidates}) != 1:
        return None
    return candidates[0]
