"""A22, A23: where callguard may write and ring, and where not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.destinations import Refusal, country_of, refusal

AMERICAN, BRITISH = "+12025550110", "+442079460123"
# Put together here, so that no number that somebody could own stands in this file.
TORONTO, KINGSTON, SATELLITE = (f"+{code}5550100" for code in ("1416", "1876", "8816123"))
PREMIUM = {"US": "+1900" + "5551234", "GB": "+449098" + "790123", "FR": "+33899" + "123456"}
PERSONAL = "+4470" + "12345678"


@pytest.mark.promise("A22", "A23")
@pytest.mark.parametrize(
    ("address", "countries", "refused"),
    [
        (AMERICAN, (), None),
        (BRITISH, (), Refusal.COUNTRY),
        (BRITISH, ("GB",), None),
        (TORONTO, (), Refusal.COUNTRY),
        (TORONTO, ("CA",), None),
        (KINGSTON, ("CA", "GB"), Refusal.COUNTRY),
        (SATELLITE, ("CA", "GB"), Refusal.COUNTRY),
        (PREMIUM["US"], (), Refusal.PREMIUM_RATE),
        (PREMIUM["GB"], ("GB",), Refusal.PREMIUM_RATE),
        (PREMIUM["FR"], ("FR",), Refusal.PREMIUM_RATE),
        (PERSONAL, ("GB",), Refusal.PREMIUM_RATE),
        ("12345", (), Refusal.NO_NUMBER),
        ("", (), Refusal.NO_NUMBER),
        ("sip:nan@home.example.com", (), None),
        ("client:nan", (), None),
    ],
)
def test_a_number_is_refused_by_country_and_price(
    address: str, countries: tuple[str, ...], refused: Refusal | None
) -> None:
    assert refusal(address, home=AMERICAN, countries=countries) is refused


def test_the_persons_own_country_is_always_theirs() -> None:
    assert refusal(BRITISH, home=BRITISH, countries=("US",)) is None
    assert refusal(AMERICAN, home="client:nobody", countries=()) is Refusal.COUNTRY


@given(st.text(), st.text())
def test_any_text_is_judged(address: str, home: str) -> None:
    refused = refusal(address, home=home, countries=())

    assert refused is None or refused in Refusal
    assert len(country_of(address) or "US") == 2
