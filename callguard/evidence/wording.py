"""The words of the evidence page in five languages, plain ones: no term that needs explaining."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

LANGUAGES = ("en", "es", "fr", "de", "pt")

# For whoever has no valid link: nothing is known of their language.
GONE = {
    "en": "This link is not valid, or no longer. Please ring the person yourself.",
    "es": "Este enlace no es válido, o ya no lo es. Por favor, llame usted mismo.",
    "fr": "Ce lien n'est pas valable, ou ne l'est plus. Veuillez appeler vous-même.",
    "de": "Dieser Link ist nicht oder nicht mehr gültig. Bitte rufen Sie selbst an.",
    "pt": "Esta ligação não é válida, ou já não o é. Por favor, ligue você mesmo.",
}

# While the database is away, which is no fault of the link.
AWAY = {
    "en": "This page can't be shown at the moment. Please ring the person yourself, and try again soon.",
    "es": "Esta página no está disponible ahora. Por favor, llame usted mismo y inténtelo de nuevo pronto.",
    "fr": "Cette page n'est pas disponible en ce moment. Veuillez appeler vous-même et réessayer bientôt.",
    "de": "Diese Seite ist gerade nicht da. Bitte rufen Sie selbst an und versuchen Sie es bald erneut.",
    "pt": "Esta página não está disponível agora. Por favor, ligue você mesmo e tente de novo em breve.",
}


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language, a file of `texts/`. The keys of mappings are names as they are stored."""

    title: str
    verdicts: Mapping[str, str]
    may_be: str
    call_began: str
    alert_left: str
    caller: str
    withheld: str
    no_number: str
    still_going: str
    ended: str
    ended_at: str
    called_safe: str
    what_to_do: str
    to_do: tuple[str, ...]
    answer: str
    buttons: Mapping[str, str]
    too_late: str
    what_it_was: str
    seen: str
    thanks: str
    what_was_said: str
    nothing_to_quote: str
    into_call: str
    minutes: str
    seconds: str
    left_out: str
    why: str
    risk: str
    of_100: str
    points: str
    judged_with: str
    language_changed: str
    signals: Mapping[str, str]
    explained: Mapping[str, str]
    findings: Mapping[str, str]
    languages: Mapping[str, str]
    attested: Mapping[str, str]
    not_available: str
    from_speech: str
    absent: Mapping[str, str]
    found: str
    tactics: Mapping[str, str]
    what_happened: str
    nothing_yet: str
    actions: Mapping[str, str]
    may_be_wrong: str


@cache
def page_in(language: str) -> Page:
    """English for a language without texts."""
    known = language if language in LANGUAGES else "en"
    return msgspec.toml.decode(
        (Path(__file__).parent / "texts" / f"{known}.toml").read_bytes(), type=Page, strict=True
    )
