"""Everything that callguard says to a caller, and to a phone that asks who is calling, in five languages."""

from typing import Final

from callguard.domain.caller import WITHHELD, spoken_number
from callguard.domain.ladder_texts import SPOKEN_ON_THE_LINE
from callguard.domain.policy import Action, Consent
from callguard.domain.words import normalise

DEFAULT_LANGUAGE: Final = "en"

_LISTENING: Final = {
    "en": "This call is listened to for fraud protection.",
    "es": "Esta llamada se escucha para proteger contra el fraude.",
    "fr": "Cet appel est écouté pour protéger contre la fraude.",
    "de": "Dieses Gespräch wird zum Schutz vor Betrug mitgehört.",
    "pt": "Esta chamada é ouvida para proteção contra fraudes.",
}
_LISTENING_CHOICE: Final = {
    "en": f"{_LISTENING['en']} For a connection that isn't listened to, press 9.",
    "es": f"{_LISTENING['es']} Para una conexión que no se escuche, pulse 9.",
    "fr": f"{_LISTENING['fr']} Pour une conversation sans écoute, tapez 9.",
    "de": f"{_LISTENING['de']} Für ein Gespräch ohne Mithören drücken Sie die 9.",
    "pt": f"{_LISTENING['pt']} Para uma ligação que não seja ouvida, prima 9.",
}
_SCREENING: Final = {
    "en": "Hello. Please say who you are and why you are calling.",
    "es": "Hola. Por favor, diga quién es y por qué llama.",
    "fr": "Bonjour. Veuillez dire qui vous êtes et pourquoi vous appelez.",
    "de": "Guten Tag. Bitte sagen Sie, wer Sie sind und warum Sie anrufen.",
    "pt": "Olá. Por favor, diga quem é e por que motivo está a ligar.",
}
_SCREENING_AGAIN: Final = {
    "en": "I did not hear you. Please say who you are and why you are calling, or press any key.",
    "es": "No le he oído. Por favor, diga quién es y por qué llama, o pulse cualquier tecla.",
    "fr": "Je ne vous ai pas entendu. Veuillez dire qui vous êtes et pourquoi vous appelez, "
    "ou appuyez sur une touche.",
    "de": "Ich habe Sie nicht gehört. Bitte sagen Sie, wer Sie sind und warum Sie anrufen, "
    "oder drücken Sie eine Taste.",
    "pt": "Não o ouvi. Por favor, diga quem é e por que motivo está a ligar, ou prima qualquer tecla.",
}
_UNREACHABLE: Final = {
    "en": "The person you are calling can't be reached at the moment. Please try again later.",
    "es": "La persona a la que llama no está disponible en este momento. Inténtelo más tarde.",
    "fr": "La personne que vous appelez n'est pas joignable pour le moment. Veuillez rappeler plus tard.",
    "de": "Die gewünschte Person ist zurzeit nicht erreichbar. Bitte versuchen Sie es später noch einmal.",
    "pt": "A pessoa para quem está a ligar não está disponível neste momento. Tente mais tarde.",
}
_LATER: Final = {
    "en": "The person you are calling does not take calls at this hour. Please call again later.",
    "es": "La persona a la que llama no atiende llamadas a esta hora. Vuelva a llamar más tarde.",
    "fr": "La personne que vous appelez ne prend pas d'appels à cette heure. Veuillez rappeler plus tard.",
    "de": "Die gewünschte Person nimmt um diese Zeit keine Anrufe an. Bitte rufen Sie später wieder an.",
    "pt": "A pessoa para quem está a ligar não atende chamadas a esta hora. Ligue mais tarde.",
}
_VOICEMAIL: Final = {
    "en": "The person you are calling can't be reached at the moment. "
    "Your message will be recorded and turned into text. Please speak after the tone.",
    "es": "La persona a la que llama no está disponible en este momento. "
    "Su mensaje se grabará y se pasará a texto. Hable después de la señal.",
    "fr": "La personne que vous appelez n'est pas joignable pour le moment. "
    "Votre message sera enregistré et transcrit. Veuillez parler après le signal sonore.",
    "de": "Die gewünschte Person ist zurzeit nicht erreichbar. "
    "Ihre Nachricht wird aufgezeichnet und in Text umgewandelt. Bitte sprechen Sie nach dem Signalton.",
    "pt": "A pessoa para quem está a ligar não está disponível neste momento. "
    "A sua mensagem será gravada e passada a texto. Fale depois do sinal.",
}
_MESSAGE_TAKEN: Final = {
    "en": "Thank you. Your message has been recorded. Goodbye.",
    "es": "Gracias. Su mensaje ha quedado grabado. Adiós.",
    "fr": "Merci. Votre message a été enregistré. Au revoir.",
    "de": "Vielen Dank. Ihre Nachricht wurde aufgezeichnet. Auf Wiederhören.",
    "pt": "Obrigado. A sua mensagem foi gravada. Adeus.",
}
_WHO_CALLS: Final = {
    "en": "A call for {person}, through callguard, from {caller}.",
    "es": "Una llamada para {person}, a través de callguard, de {caller}.",
    "fr": "Un appel pour {person}, par callguard, numéro {caller}.",
    "de": "Ein Anruf für {person}, über callguard, von {caller}.",
    "pt": "Uma chamada para {person}, através de callguard, de {caller}.",
}
_SOMEBODY: Final = {
    "en": "a withheld number",
    "es": "un número oculto",
    "fr": "masqué",
    "de": "einer unterdrückten Nummer",
    "pt": "um número privado",
}
_BY_NAME: Final = {
    "listening": _LISTENING,
    "listening_choice": _LISTENING_CHOICE,
    "screening": _SCREENING,
    "screening_again": _SCREENING_AGAIN,
    "unreachable": _UNREACHABLE,
    "later": _LATER,
    "voicemail": _VOICEMAIL,
    "message_taken": _MESSAGE_TAKEN,
}
_CONSENT_NAMES: Final = {Consent.SPOKEN: "listening", Consent.KEY: "listening_choice"}
_ACTION_NAMES: Final = {
    Action.SCREEN: "screening",
    Action.VOICEMAIL: "voicemail",
    Action.TELL_UNREACHABLE: "unreachable",
    Action.TELL_LATER: "later",
}

# In fewer words a person may well say the same.
_FEWEST_WORDS: Final = 4
_SPOKEN: Final = tuple(
    f" {normalise(text)} "
    for text in (*(text for wording in _BY_NAME.values() for text in wording.values()), *SPOKEN_ON_THE_LINE)
)


def words_of(name: str, language: str) -> str:
    """The announcement of that name, in English where the language has none."""
    wording = _BY_NAME[name]
    return wording.get(language, wording[DEFAULT_LANGUAGE])


def consent_words(consent: Consent, language: str) -> str:
    """What a caller who is listened to is told; nothing where consent is off."""
    return words_of(_CONSENT_NAMES[consent], language) if consent in _CONSENT_NAMES else ""


def who_calls(person: str, caller: str, language: str) -> str:
    """Told to a phone that asks who is calling. `caller` as stored."""
    language = language if language in _WHO_CALLS else DEFAULT_LANGUAGE
    who = _SOMEBODY[language] if caller == WITHHELD else spoken_number(caller)
    return _WHO_CALLS[language].format(person=person, caller=who)


def announcement_played(action: Action, language: str, consent: Consent) -> str | None:
    """Which words the caller hears first, such as `listening.en`; None where nothing is said."""
    name = _CONSENT_NAMES.get(consent) if action is Action.MONITOR else _ACTION_NAMES.get(action)
    return f"{name}.{language if language in _BY_NAME[name] else DEFAULT_LANGUAGE}" if name else None


def consent_played(announcement: str | None) -> Consent:
    """What `announcement_played` said about consent."""
    name = (announcement or "").partition(".")[0]
    return next((consent for consent, known in _CONSENT_NAMES.items() if known == name), Consent.OFF)


def is_announcement(text: str) -> bool:
    """Whether these are words of an announcement of ours: Twilio transcribes what it says to a leg, too."""
    heard = normalise(text)
    return len(heard.split()) >= _FEWEST_WORDS and any(f" {heard} " in spoken for spoken in _SPOKEN)
