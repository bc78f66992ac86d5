import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.trust.passes import LIFETIME_SECONDS, PassIssuer, StreamPass

NOW = 1_700_000_000.0
CALL = "CA00000000000000000000000000000001"
ISSUER = PassIssuer(b"k" * 32)
PASS_ID = UUID("6f0b6d2c-2c52-4e5e-9d05-3a1f0b9f9c11")
TOKEN = ISSUER.issue(CALL, PASS_ID, NOW)


@given(st.uuids(), st.text(), st.floats(min_value=0, max_value=4e9))
def test_a_pass_says_which_call_it_is_for(pass_id: UUID, call_sid: str, now: float) -> None:
    assert ISSUER.check(ISSUER.issue(call_sid, pass_id, now), now) == StreamPass(pass_id, call_sid)


def test_a_pass_fits_a_twiml_parameter() -> None:
    assert TOKEN.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert len(TOKEN) < 500


@pytest.mark.parametrize(
    ("age", "valid"), [(0, True), (LIFETIME_SECONDS - 1, True), (LIFETIME_SECONDS, False)]
)
def test_a_pass_lasts_its_time(age: int, valid: bool) -> None:
    assert (ISSUER.check(TOKEN, NOW + age) is not None) == valid


def test_another_key_made_no_valid_pass() -> None:
    assert PassIssuer(b"x" * 32).check(TOKEN, NOW) is None


def test_claims_under_the_signature_of_others_are_forged() -> None:
    other = ISSUER.issue(CALL, uuid4(), NOW)

    assert ISSUER.check(f"{TOKEN.partition('.')[0]}.{other.partition('.')[2]}", NOW) is None


def test_a_later_expiry_breaks_the_signature() -> None:
    claims, _, signature = TOKEN.partition(".")
    body = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    expires = str(int(NOW) + LIFETIME_SECONDS).encode()
    assert expires in body
    forged = base64.urlsafe_b64encode(body.replace(expires, b"9" * 10)).rstrip(b"=").decode()

    assert ISSUER.check(f"{forged}.{signature}", NOW) is None


@given(st.integers(0, len(TOKEN) - 1))
def test_a_shortened_pass_is_none(length: int) -> None:
    assert ISSUER.check(TOKEN[:length], NOW) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_changed_pass_is_none_or_says_the_same(at: int, character: str) -> None:
    """Base64 leaves two bits of a last letter unused, and Python's reader skips foreign letters."""
    changed = TOKEN[:at] + character + TOKEN[at + 1 :]

    assert ISSUER.check(changed, NOW) in (None, StreamPass(PASS_ID, CALL))


@given(st.text())
def test_noise_is_no_pass(noise: str) -> None:
    assert ISSUER.check(noise, NOW) is None
