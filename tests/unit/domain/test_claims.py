"""Whom a caller claims to be: by number or by introducing themself, in five languages, and no further."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.claims import Enrolled, claimed

ANNA = Enrolled(UUID(int=1), "Anna Meyer", "daughter", "+12025550120")
BEN = Enrolled(UUID(int=2), "Ben", "son", "+12025550121")
BOTH = (ANNA, BEN)
STRANGER = "+12025550199"


def claims(*said: str, number: str = STRANGER, as_relative: bool = False) -> list[UUID]:
    return claimed(BOTH, number, said, as_relative=as_relative)


@pytest.mark.parametrize(
    "said",
    [
        "Hi Mom, it's Anna.",
        "this is anna your bank card is blocked",
        "Anna speaking",
        "mamá, soy Anna",
        "C'est Anna, j'ai eu un accident",
        "Mama, hier ist Anna",
        "Ich bin's, Anna",
        "Oi mãe, aqui é a Anna",
        "it's your daughter",
    ],
)
def test_who_introduces_themself_claims_to_be_that_person(said: str) -> None:
    assert claims(said) == [ANNA.id]


def test_an_introduction_may_run_over_two_results() -> None:
    assert claims("grandma it is", "ben i am in jail") == [BEN.id]


@pytest.mark.parametrize(
    "said",
    [
        "Is Anna there?",
        "this is the hospital, your daughter had an accident",
        "tell Ben that I called",
        "it's annabelle",
        "",
    ],
)
def test_who_speaks_of_somebody_claims_nothing(said: str) -> None:
    assert claims(said) == []
    assert claims(said, as_relative=True) == []


def test_a_contacts_number_is_a_claim_without_a_word() -> None:
    assert claims(number=BEN.phone_number) == [BEN.id]


def test_its_me_may_be_anybody_but_only_in_a_relatives_words() -> None:
    assert claims("grandma it's me, I'm in trouble", as_relative=True) == [ANNA.id, BEN.id]
    assert claims("it's me") == []


def test_a_name_goes_before_its_me() -> None:
    assert claims("it's me, it's Ben", as_relative=True) == [BEN.id]


@given(st.lists(st.text(max_size=40), max_size=5), st.booleans())
def test_nobody_enrolled_is_nobody_claimed(said: list[str], as_relative: bool) -> None:
    assert claimed((), STRANGER, said, as_relative=as_relative) == []
