"""Who is calling, as far as the network says: the number, and how far it vouches for it."""

import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers

WITHHELD = "withheld"

_WITHHELD_WORDS = frozenset({"", "anonymous", "blocked", "private", "restricted", "unavailable", "unknown"})
# The same spelled on a keypad, as Twilio sends them: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE.
_WITHHELD_DIGITS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
_SERVICE = re.compile(r"\+?(\d{3})", re.ASCII)
_VERSTAT = re.compile(r"TN-Validation-(Passed|Failed)(?:-(?:Diverted-)?([ABC])\b)?", re.IGNORECASE | re.ASCII)

AttestationLevel = Literal["A", "B", "C"]


def caller_number(raw: str) -> str:
    """The caller as stored: E.164, a service's three digits, a `sip:` or `client:` address, or WITHHELD."""
    text = raw.strip()
    if text.lower() in _WITHHELD_WORDS or text.removeprefix("+") in _WITHHELD_DIGITS:
        return WITHHELD
    if text.lower().startswith(("sip:", "sips:", "client:")):
        return text
    service = _SERVICE.fullmatch(text)
    return service.group(1) if service else e164(text) or WITHHELD


def is_emergency_number(number: str, *, near: str) -> bool:
    """Whether it is an emergency service's own number, such as 112, 911 or 999, in the country of `near`."""
    if _SERVICE.fullmatch(number) is None:
        return False
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(near, None))
    except phonenumbers.NumberParseException:
        return False
    return region is not None and phonenumbers.is_emergency_number(number, region)


def e164(raw: str) -> str | None:
    """The number in E.164, or None where it is none."""
    try:
        number = phonenumbers.parse(raw, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def spoken_number(number: str) -> str:
    """A number as people read it; what is no number stays as it is."""
    try:
        return phonenumbers.format_number(
            phonenumbers.parse(number, None), phonenumbers.PhoneNumberFormat.INTERNATIONAL
        )
    except phonenumbers.NumberParseException:
        return number


@dataclass(frozen=True, slots=True)
class Stir:
    """STIR/SHAKEN outcome (ATIS-1000074): `level` where the signature verified, `failed` where it did not."""

    level: AttestationLevel | None
    failed: bool
    diverted: bool


def parse_verstat(raw: str | None) -> Stir:
    """Twilio's `StirVerstat`, read leniently: unknown values count as unsigned."""
    text = (raw or "").strip()
    match = _VERSTAT.match(text)
    diverted = "diverted" in text.lower()
    if match is None:
        return Stir(level=None, failed=False, diverted=diverted)
    passed = match.group(1).lower() == "passed"
    level = match.group(2)
    known: AttestationLevel | None = None
    if passed and level is not None:
        known = {"A": "A", "B": "B", "C": "C"}[level.upper()]  # type: ignore[assignment]  # the pattern admits only these
    return Stir(level=known, failed=not passed, diverted=diverted)
