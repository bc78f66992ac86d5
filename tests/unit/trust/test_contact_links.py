"""Contact links: one contact's, one day's, and nobody else's."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from callguard.trust.contact_links import LIFETIME_SECONDS, ContactLinks, LinkedContact

LINKS = ContactLinks(bytes(32), "https://calls.example.org")
ANNA = LinkedContact(UUID(int=1), UUID(int=2))
NOW = 1_700_000_000.0


def token(contact: LinkedContact = ANNA) -> str:
    address = LINKS.url(contact, NOW)
    assert address.startswith("https://calls.example.org/app/")
    return address.rpartition("/")[2]


def test_it_names_its_contact_for_a_day() -> None:
    assert LINKS.read(token(), NOW) == ANNA
    assert LINKS.read(token(), NOW + LIFETIME_SECONDS - 1) == ANNA
    assert LINKS.read(token(), NOW + LIFETIME_SECONDS) is None


def test_another_installations_key_opens_nothing() -> None:
    assert ContactLinks(b"\1" * 32, "https://calls.example.org").read(token(), NOW) is None


@given(at=st.integers(0, 200), put=st.sampled_from("Aa0_-"))
def test_no_changed_character_passes(at: int, put: str) -> None:
    good = token()
    at %= len(good) - 1  # the last one holds bits that nobody reads
    changed = good[:at] + put + good[at + 1 :]

    assert LINKS.read(changed, NOW) == (ANNA if changed == good else None)


@given(text=st.text(max_size=120))
def test_nothing_else_is_a_token(text: str) -> None:
    assert LINKS.read(text, NOW) is None
