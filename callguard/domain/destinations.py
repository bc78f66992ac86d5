"""Which numbers may be written to and rung: those of known countries, and none that cost extra. Pure."""

from collections.abc import Collection
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

# Whose owners are paid for being rung, or whom nobody can tell beforehand what they cost.
_DEAR = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.UAN,
    }
)


class Refusal(StrEnum):
    """Why a number is refused."""

    NO_NUMBER = "destination_no_number"
    COUNTRY = "destination_country"
    PREMIUM_RATE = "destination_premium_rate"


def refusal(address: str, *, home: str, countries: Collection[str]) -> Refusal | None:
    """Why an address may not be reached, or None where it may.

    `home` is the person's own number, whose country is always allowed; `countries` are further ones (ISO
    3166-1 alpha-2). Countries, and not calling codes: +1 is that of 25 countries, dear ones among them.
    `sip:` and `client:` addresses cost nothing and are no matter of countries.
    """
    if address.lower().startswith(("sip:", "sips:", "client:")):
        return None
    try:
        number = phonenumbers.parse(address, None)
    except phonenumbers.NumberParseException:
        return Refusal.NO_NUMBER
    if country_of(address) not in {country_of(home), *countries} - {None}:
        return Refusal.COUNTRY
    return Refusal.PREMIUM_RATE if phonenumbers.number_type(number) in _DEAR else None


def country_of(number: str) -> str | None:
    """The country of a number in E.164; None for those of no country, such as satellite telephones."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return None if region in {"001", "ZZ"} else region
