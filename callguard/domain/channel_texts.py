"""What stands around an alert's fixed words in an e-mail and in a notification: fixed words too."""

from callguard.domain.scoring import AlertLevel

_TITLE = {
    AlertLevel.DANGER: {
        "en": "callguard ALERT: likely scam call",
        "es": "callguard ALERTA: probable llamada de estafa",
        "fr": "callguard ALERTE : appel frauduleux probable",
        "de": "callguard ALARM: wahrscheinlicher Betrugsanruf",
        "pt": "callguard ALERTA: provável chamada de burla",
    },
    AlertLevel.WARNING: {
        "en": "callguard warning: suspicious call",
        "es": "callguard aviso: llamada sospechosa",
        "fr": "callguard avertissement : appel suspect",
        "de": "callguard Warnung: verdächtiger Anruf",
        "pt": "callguard aviso: chamada suspeita",
    },
}
_HOW_TO_ANSWER = {
    "en": "Nobody reads replies to this e-mail. Please answer by text message to {number}.",
    "es": "Nadie lee las respuestas a este correo. Responda por mensaje de texto al {number}.",
    "fr": "Personne ne lit les réponses à cet e-mail. Veuillez répondre par SMS au {number}.",
    "de": "Antworten auf diese E-Mail liest niemand. Bitte antworten Sie per SMS an {number}.",
    "pt": "Ninguém lê as respostas a este e-mail. Responda por SMS para {number}.",
}


def title(level: AlertLevel, language: str) -> str:
    """The subject of an e-mail, the title of a notification."""
    return in_language(_TITLE[level], language)


def how_to_answer(number: str, language: str) -> str:
    """Ends an e-mail."""
    return in_language(_HOW_TO_ANSWER, language).format(number=number)


def in_language(texts: dict[str, str], language: str) -> str:
    """English for a language without texts."""
    return texts.get(language, texts["en"])
