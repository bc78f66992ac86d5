"""What the ladder speaks on the line: fixed words in five languages, for the person or the caller alone.

No keyword of ours stands in them, and whoever hears results of a recogniser takes them for nobody's words.
"""

from callguard.domain.ladder import Wording

WHISPERS: dict[Wording, dict[str, str]] = {
    Wording.WARNING: {
        "en": "This is callguard. Only you can hear this. Please be careful: this call may be dishonest. "
        "You may simply end it.",
        "es": "Le habla callguard. Solo usted oye esto. Tenga cuidado, por favor: esta llamada puede ser un "
        "engaño. Puede terminarla sin más.",
        "fr": "Ici callguard. Ce message n'est entendu que de vous. Faites attention, s'il vous plaît : "
        "cet appel est peut-être malhonnête. Vous pouvez simplement y mettre fin.",
        "de": "Hier ist callguard. Nur Sie hören das. Bitte seien Sie vorsichtig: Dieser Anruf ist "
        "vielleicht unehrlich. Sie dürfen ihn einfach beenden.",
        "pt": "Aqui é o callguard. Só você ouve isto. Por favor, tenha cuidado: esta chamada pode ser "
        "desonesta. Pode simplesmente terminá-la.",
    },
    Wording.DANGER: {
        "en": "This is callguard. Only you can hear this. This call is very likely a scam. "
        "Please end it now. Your family is being told.",
        "es": "Le habla callguard. Solo usted oye esto. Esta llamada es muy probablemente una "
        "estafa. Por favor, termínela ahora. Estamos avisando a su familia.",
        "fr": "Ici callguard. Ce message n'est entendu que de vous. Cet appel est très probablement une "
        "escroquerie. Veuillez y mettre fin maintenant. Votre famille est prévenue.",
        "de": "Hier ist callguard. Nur Sie hören das. Dieser Anruf ist sehr wahrscheinlich Betrug. "
        "Bitte beenden Sie ihn jetzt. Ihre Familie wird verständigt.",
        "pt": "Aqui é o callguard. Só você ouve isto. Esta chamada é muito provavelmente uma burla. "
        "Por favor, termine-a agora. A sua família está a ser avisada.",
    },
    Wording.ALL_CLEAR: {
        "en": "This is callguard. Only you can hear this. Someone you trust has told us that this call is "
        "all right.",
        "es": "Le habla callguard. Solo usted oye esto. Alguien de su confianza nos dice que esta llamada "
        "está bien.",
        "fr": "Ici callguard. Ce message n'est entendu que de vous. Une personne de confiance nous dit que "
        "cet appel ne pose pas de problème.",
        "de": "Hier ist callguard. Nur Sie hören das. Jemand, dem Sie vertrauen, sagt uns, dass dieser Anruf "
        "in Ordnung ist.",
        "pt": "Aqui é o callguard. Só você ouve isto. Alguém da sua confiança diz-nos que esta chamada "
        "está bem.",
    },
    Wording.ON_HOLD: {
        "en": "This is callguard. The caller is waiting and can't hear you for up to three minutes. "
        "Take your time; you may also end the call.",
        "es": "Le habla callguard. Quien llama está en espera y no le oye durante tres minutos como máximo. "
        "Tómese su tiempo; también puede terminar la llamada.",
        "fr": "Ici callguard. L'appelant patiente et ne vous entend pas, pendant trois minutes au plus. "
        "Prenez votre temps ; vous pouvez aussi mettre fin à l'appel.",
        "de": "Hier ist callguard. Der Anrufer wartet und hört Sie nicht, höchstens drei Minuten lang. "
        "Lassen Sie sich Zeit; Sie dürfen den Anruf auch beenden.",
        "pt": "Aqui é o callguard. Quem ligou está em espera e não ouve a sua voz, durante três minutos, no "
        "máximo. Não tenha pressa; também pode terminar a chamada.",
    },
}
TO_THE_CALLER: dict[str, str] = {
    "en": "Please hold the line for a moment.",
    "es": "Espere un momento, por favor.",
    "fr": "Veuillez patienter un instant.",
    "de": "Bitte bleiben Sie einen Moment in der Leitung.",
    "pt": "Aguarde um momento, por favor.",
}
"""Heard by a caller who is put on hold."""

SPOKEN_ON_THE_LINE: tuple[str, ...] = (
    *(text for texts in WHISPERS.values() for text in texts.values()),
    *TO_THE_CALLER.values(),
)


def whisper_words(wording: Wording, language: str) -> str:
    """English for a language without texts."""
    texts = WHISPERS[wording]
    return texts.get(language, texts["en"])
