"""The canary: a call that callguard places to itself to prove that protection is on. Pure.

The canary asks every link of the chain to do its work: the line forwards, Twilio transcribes, the trigger
wakes the analyzer, the analyzer finds the words drawn for this run, and a message is delivered.

By which way it calls is a matter of whom it may disturb. To prove forwarding it must call the person's own
phone, and where forwarding is off that phone rings. A phone that rings and shows a strange number is an alarm
to an old person, who may hurry to it and fall; one that is picked up to silence teaches to fear it. So it is
rung by daylight alone, only where the line is meant to forward every call, for a few seconds; whoever picks
up nevertheless hears in plain words what it was. Where forwarding is conditional the phone would have to
ring each time: there the canary calls the Twilio number itself, and says that forwarding was not proven.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callguard.domain import sms
from callguard.domain.delivery import Delivery, in_order
from callguard.domain.words import contains, normalise

# Hours at which a phone may ring for a test, by the person's own clock.
DAY_BEGINS, DAY_ENDS = time(9), time(19)
# The daily hour differs a little from day to day and from person to person.
JITTER_SECONDS = 1800
MOST_AN_HOUR = 6
# How many of the words drawn must be heard, in order: a recogniser may miss one.
WORDS_DRAWN, WORDS_NEEDED = 4, 3


class Stage(StrEnum):
    """What the canary proves, in order. Each is the name of a column `…_at` of its run."""

    CALLED = "called"
    ARRIVED = "arrived"
    TRANSCRIBED = "transcribed"
    TRIGGERED = "triggered"
    JUDGED = "judged"
    TEXTED = "texted"
    DELIVERED = "delivered"


# Seconds after the stage before it. A call takes some seconds to be put through and forwarded; a phone that
# isn't forwarded rings two times or three until then.
DEADLINES: Final = {
    Stage.CALLED: 20.0,
    Stage.ARRIVED: 12.0,
    Stage.TRANSCRIBED: 30.0,
    Stage.TRIGGERED: 15.0,
    Stage.JUDGED: 20.0,
    Stage.TEXTED: 30.0,
    Stage.DELIVERED: 120.0,
}
# Twilio lets a phone ring five seconds longer than it is asked to: this ends it should callguard be killed.
RING_SECONDS = 10

# What fails, for people.
STAGE_WORDS: Final = {
    Stage.CALLED: "placing the test call",
    Stage.ARRIVED: "forwarding",
    Stage.TRANSCRIBED: "transcription",
    Stage.TRIGGERED: "keyword trigger",
    Stage.JUDGED: "analysis",
    Stage.TEXTED: "sending the SMS",
    Stage.DELIVERED: "delivery of the SMS",
}


class Way(StrEnum):
    """To the phone whose calls are forwarded, or straight to the Twilio number."""

    PHONE = "phone"
    DIRECT = "direct"


# A phrase that nobody says by chance, and words that no recogniser takes for others.
_PHRASE = {
    "en": "the yellow canary sings",
    "es": "el canario amarillo canta",
    "fr": "le canari jaune chante",
    "de": "der gelbe Kanarienvogel singt",
    "pt": "o canário amarelo canta",
}
_VOCABULARY = {
    "en": "apple river window garden candle mountain bridge silver pencil morning basket winter letter",
    "es": "manzana ventana jardín montaña puente plata mañana cesta invierno carta cocina naranja escuela",
    "fr": "pomme rivière fenêtre jardin montagne argent crayon matin panier hiver lettre cuisine orange",
    "de": "Apfel Fenster Garten Kerze Brücke Silber Morgen Winter Küche Schule Orange Wasser Sommer",
    "pt": "janela jardim montanha ponte prata manhã cesta inverno carta cozinha laranja escola mercado",
}
_EXCUSE = {
    "en": "Hello. This was only a test of your call protection. You don't need to do anything. Goodbye.",
    "es": "Hola. Era solo una prueba de su protección telefónica. No tiene que hacer nada. Adiós.",
    "fr": "Bonjour. C'était un simple essai de votre protection. Vous n'avez rien à faire. Au revoir.",
    "de": "Guten Tag. Das war nur ein Test Ihres Anrufschutzes. Sie brauchen nichts zu tun. Auf Wiederhören.",
    "pt": "Olá. Foi apenas uma chamada de teste da sua proteção. Não precisa de fazer nada. Adeus.",
}
_MESSAGE = {
    "en": "callguard TEST: the call protection of {who} works. Nothing to do. Code {code}",
    "es": "callguard PRUEBA: la protección de {who} funciona. No hay que hacer nada. Código {code}",
    "fr": "callguard ESSAI : la protection des appels de {who} fonctionne. Rien à faire. Code {code}",
    "de": "callguard TEST: Der Anrufschutz von {who} funktioniert. Nichts zu tun. Code {code}",
    "pt": "callguard TESTE: a proteção de chamadas de {who} funciona. Nada a fazer. Código {code}",
}


def _in(texts: dict[str, str], language: str) -> str:
    return texts.get(language, texts["en"])


def phrase(language: str) -> str:
    """The canary's keyword, in the form of `callguard.domain.words`."""
    return normalise(_in(_PHRASE, language))


def vocabulary(language: str) -> list[str]:
    """The words of which WORDS_DRAWN are drawn for a run."""
    return _in(_VOCABULARY, language).split()


def sentence(words: str, language: str) -> str:
    """What is spoken on the call."""
    return f"{_in(_PHRASE, language)}: {words.replace(' ', ', ')}."


def excuse(language: str) -> str:
    """Told to whoever answers the canary's call, which nobody should."""
    return _in(_EXCUSE, language)


def message(person: str, code: str, language: str) -> str:
    """The SMS at the end of a run."""
    who = sms.clip(sms.plain_name(person), 40) or "callguard"
    return sms.plain(_in(_MESSAGE, language).format(who=who, code=code))


def is_heard(said: str, words: str, language: str) -> bool:
    """Whether this is the canary of this run: the phrase, and in order all but one of the words drawn."""
    heard = normalise(said)
    return contains(heard, phrase(language)) and _in_order(normalise(words).split(), heard.split())


def _in_order(drawn: Sequence[str], heard: Sequence[str]) -> bool:
    """The longest common subsequence is long enough."""
    longest = [0] * (len(heard) + 1)
    for word in drawn:
        before = 0
        for place, other in enumerate(heard, 1):
            before, longest[place] = (
                longest[place],
                before + 1 if word == other else max(longest[place], longest[place - 1]),
            )
    return longest[-1] >= WORDS_NEEDED


def way_to(phone_number: str, deliveries: Sequence[Delivery], time_zone: str, now: datetime) -> Way:
    """How the canary calls: by the phone only where that is meant to forward everything, and by daylight.

    Where calls are delivered to the phone itself, its forwarding is conditional, or they would loop.
    """
    rings_at_home = any(
        delivery.address == phone_number and not delivery.looping
        for delivery in in_order(deliveries, phone_number)
    )
    if rings_at_home or not DAY_BEGINS <= now.astimezone(_zone(time_zone)).time() < DAY_ENDS:
        return Way.DIRECT
    return Way.PHONE


def next_run(now: datetime, at: time, time_zone: str, person: UUID) -> datetime:
    """When the daily canary is next placed: at the person's hour, plus what differs by person and day."""
    zone = _zone(time_zone)
    day = now.astimezone(zone).date()
    for later in range(3):
        date = day + timedelta(days=later)
        jitter = timedelta(seconds=(person.int + date.toordinal() * 7919) % JITTER_SECONDS)
        moment = datetime.combine(date, at, zone) + jitter
        if moment > now:
            return moment
    raise AssertionError("a day has its hour")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run came: the moment it was asked for, and that of each stage reached."""

    began: datetime
    reached: dict[Stage, datetime]

    @property
    def waits_for(self) -> Stage | None:
        """The first stage that was not reached; None when all were."""
        return next((stage for stage in Stage if stage not in self.reached), None)

    def seconds_left(self, now: datetime) -> float:
        """Until the stage that is waited for counts as failed."""
        stage = self.waits_for
        if stage is None:
            return 0.0
        since = max((self.began, *self.reached.values()))
        return DEADLINES[stage] - (now - since).total_seconds()

    def seconds(self) -> dict[Stage, float]:
        """Each stage reached, in seconds since the run was asked for."""
        return {stage: (moment - self.began).total_seconds() for stage, moment in self.reached.items()}
