import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.trust.sealing import NONCE_BYTES, SealBroken, Sealer

SEALER = Sealer(bytes(32))


@given(st.binary(), st.binary())
def test_a_record_opens_in_its_place(plaintext: bytes, context: bytes) -> None:
    assert SEALER.open(SEALER.seal(plaintext, context), context) == plaintext


def test_the_same_record_is_sealed_differently_each_time() -> None:
    assert SEALER.seal(b"words", b"place") != SEALER.seal(b"words", b"place")


def test_nothing_of_the_record_shows() -> None:
    assert b"gift cards" not in SEALER.seal(b"gift cards", b"place")


@given(st.binary(), st.binary(), st.binary())
def test_a_record_does_not_open_in_another_place(plaintext: bytes, context: bytes, other: bytes) -> None:
    sealed = SEALER.seal(plaintext, context)

    if other != context:
        with pytest.raises(SealBroken):
            SEALER.open(sealed, other)


@given(st.binary(), st.data())
def test_one_flipped_bit_breaks_the_seal(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal(plaintext, b"place"))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SealBroken):
        SEALER.open(bytes(sealed), b"place")


@given(st.binary(max_size=20), st.data())
def test_a_shortened_record_does_not_open(plaintext: bytes, data: st.DataObject) -> None:
    sealed = SEALER.seal(plaintext, b"place")
    length = data.draw(st.integers(0, len(sealed) - 1))

    with pytest.raises(SealBroken):
        SEALER.open(sealed[:length], b"place")


@given(st.binary(max_size=3 * NONCE_BYTES))
def test_noise_does_not_open(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        SEALER.open(noise, b"place")


def test_another_key_does_not_open_it_and_the_error_says_which_setting_to_look_at() -> None:
    with pytest.raises(SealBroken, match="CALLGUARD_MASTER_KEY"):
        Sealer(b"\1" * 32).open(SEALER.seal(b"words", b"place"), b"place")
