"""Why a caller is known, in five languages: fixed sentences that name nobody and repeat no words."""

from enum import StrEnum


class Because(StrEnum):
    """What is told of earlier calls."""

    NUMBER_REPORTED = "number_reported"
    NUMBER_REPORTED_BY_OTHERS = "number_reported_by_others"
    SCRIPT_REPORTED = "script_reported"
    NUMBER_JUDGED = "number_judged"
    SCRIPT_JUDGED = "script_judged"
    SAFE = "safe"
    SAFE_UNPROVEN = "safe_unproven"


_TEXTS: dict[Because, dict[str, str]] = {
    Because.NUMBER_REPORTED: {
        "en": "A call from this number was reported as a fraud {ago}.",
        "es": "Una llamada de este número se denunció como estafa {ago}.",
        "fr": "Un appel de ce numéro a été signalé comme une arnaque {ago}.",
        "de": "Ein Anruf von dieser Nummer wurde {ago} als Betrug gemeldet.",
        "pt": "Uma chamada deste número foi denunciada como burla {ago}.",
    },
    Because.NUMBER_REPORTED_BY_OTHERS: {
        "en": "Another person of your family reported this number {ago}.",
        "es": "Otra persona de su familia denunció este número {ago}.",
        "fr": "Une autre personne de votre famille a signalé ce numéro {ago}.",
        "de": "Jemand anderes aus Ihrer Familie hat diese Nummer {ago} gemeldet.",
        "pt": "Outra pessoa da sua família denunciou este número {ago}.",
    },
    Because.SCRIPT_REPORTED: {
        "en": "The same words were heard in a call that was reported as a fraud {ago}.",
        "es": "Las mismas palabras se oyeron en una llamada denunciada como estafa {ago}.",
        "fr": "Les mêmes paroles ont été entendues dans un appel signalé comme une arnaque {ago}.",
        "de": "Dieselben Worte fielen in einem Anruf, der {ago} als Betrug gemeldet wurde.",
        "pt": "As mesmas palavras foram ouvidas numa chamada denunciada como burla {ago}.",
    },
    Because.NUMBER_JUDGED: {
        "en": "A call from this number sounded like a fraud {ago}.",
        "es": "Una llamada de este número pareció una estafa {ago}.",
        "fr": "Un appel de ce numéro ressemblait à une arnaque {ago}.",
        "de": "Ein Anruf von dieser Nummer klang {ago} nach Betrug.",
        "pt": "Uma chamada deste número pareceu uma burla {ago}.",
    },
    Because.SCRIPT_JUDGED: {
        "en": "The same words were heard {ago} in a call that sounded like a fraud.",
        "es": "Las mismas palabras se oyeron {ago} en una llamada que pareció una estafa.",
        "fr": "Les mêmes paroles ont été entendues {ago} dans un appel qui ressemblait à une arnaque.",
        "de": "Dieselben Worte fielen {ago} in einem Anruf, der nach Betrug klang.",
        "pt": "As mesmas palavras foram ouvidas {ago} numa chamada que pareceu uma burla.",
    },
    Because.SAFE: {
        "en": "Calls from this number were marked as safe ({times}×).",
        "es": "Llamadas de este número se marcaron como seguras ({times}×).",
        "fr": "Des appels de ce numéro ont été notés comme sûrs ({times}×).",
        "de": "Anrufe von dieser Nummer wurden als sicher notiert ({times}×).",
        "pt": "Chamadas deste número foram marcadas como seguras ({times}×).",
    },
    Because.SAFE_UNPROVEN: {
        "en": "Calls from this number were marked as safe, but nobody vouches that it is really this number "
        "today: that does not count.",
        "es": "Llamadas de este número se marcaron como seguras, pero hoy nadie garantiza que sea de verdad "
        "este número: eso no cuenta.",
        "fr": "Des appels de ce numéro ont été notés comme sûrs, mais personne ne garantit aujourd'hui que "
        "c'est bien ce numéro : cela ne compte pas.",
        "de": "Anrufe von dieser Nummer wurden als sicher notiert, aber heute bürgt niemand dafür, dass es "
        "wirklich diese Nummer ist: Das zählt nicht.",
        "pt": "Chamadas deste número foram marcadas como seguras, mas hoje ninguém garante que seja mesmo "
        "este número: isso não conta.",
    },
}

# Less than a day, one day, several, and from two months on in months.
_AGO = {
    "en": ("less than a day ago", "a day ago", "{n} days ago", "{n} months ago"),
    "es": ("hace menos de un día", "hace un día", "hace {n} días", "hace {n} meses"),
    "fr": ("il y a moins d'un jour", "il y a un jour", "il y a {n} jours", "il y a {n} mois"),
    "de": ("vor weniger als einem Tag", "vor einem Tag", "vor {n} Tagen", "vor {n} Monaten"),
    "pt": ("há menos de um dia", "há um dia", "há {n} dias", "há {n} meses"),
}
_MONTH_DAYS = 30


def because(reason: Because, language: str, *, days: float = 0.0, times: int = 0) -> str:
    """The sentence; English for a language without texts. `days`: how long ago; `times`: how many calls."""
    texts = _TEXTS[reason]
    return texts.get(language, texts["en"]).format(ago=_ago(language, days), times=times)


def _ago(language: str, days: float) -> str:
    none, one, several, months = _AGO.get(language, _AGO["en"])
    whole = max(0, int(days))
    if whole >= 2 * _MONTH_DAYS:
        return months.format(n=whole // _MONTH_DAYS)
    return (none, one)[whole] if whole < 2 else several.format(n=whole)
