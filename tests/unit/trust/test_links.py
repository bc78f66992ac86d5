"""Links to evidence: short, the same each time, and good for one alert alone."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from callguard.trust.links import AlertLinks

LINKS = AlertLinks(b"k" * 32, "https://calls.example.org")
ALERT = UUID("7f000000-0000-4000-8000-000000000001")


@given(st.uuids())
def test_a_link_names_its_alert_in_32_characters(alert: UUID) -> None:
    token = LINKS.token(alert)

    assert LINKS.url(alert) == f"https://calls.example.org/e/{token}"
    assert len(token) == 32
    assert LINKS.read(token) == alert


@given(st.integers(0, 31), st.sampled_from("ABCxyz019-_"))
def test_a_changed_link_names_none(place: int, character: str) -> None:
    token = LINKS.token(ALERT)
    changed = token[:place] + character + token[place + 1 :]

    assert LINKS.read(changed) is None or changed == token


@given(st.text())
def test_whatever_else_is_no_link(token: str) -> None:
    assert LINKS.read(token) is None


def test_another_key_makes_other_links() -> None:
    assert AlertLinks(b"K" * 32, "").read(LINKS.token(ALERT)) is None


def test_the_address_is_not_the_form() -> None:
    assert LINKS.is_form(ALERT, LINKS.form(ALERT))
    assert not LINKS.is_form(ALERT, LINKS.token(ALERT))
    assert not LINKS.is_form(ALERT, "")
    assert not LINKS.is_form(UUID(int=1), LINKS.form(ALERT))
    assert LINKS.form(ALERT) not in LINKS.token(ALERT)
