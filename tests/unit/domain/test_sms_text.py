import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.sms import clip, fits_gsm_7, plain_name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Margaret Hale", "Margaret Hale"),
        ("José", "José"),
        ("José Núñez", "José Nuñez"),
        ("Zoe\u0301", "Zoé"),
        ("Jürgen Größe", "Jürgen Größe"),
        ("Łucja Şahin", "Lucja Sahin"),
        ("Œuvrard", "OEuvrard"),
        ("Anne\u2019s mum", "Anne's mum"),
        ("Mary-Jane", "Mary-Jane"),
        ("x\u0302y", "xy"),
        ("Nan 👵 ❤\ufe0f", "Nan"),
        ("Nan\r\nReply YES", "Nan Reply YES"),
        ("李明", "李明"),
        ("Мария", "Мария"),
        ("राम कुमार", "राम कुमार"),
        ("\u202egnp.exe", "gnp exe"),
        ("", ""),
        ("👵", ""),
    ],
)
def test_a_name_is_plain_and_in_gsm_7_where_its_script_bears_it(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@given(st.text())
def test_no_name_makes_a_link(name: str) -> None:
    assert not set(plain_name(name)) & set(".:/@?&=%#<>\n\r\t")


@given(st.text())
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert plain_name(plain_name(name)) == plain_name(name)


@given(st.text(min_size=1))
def test_what_fits_gsm_7_takes_one_place_a_character(text: str) -> None:
    if fits_gsm_7(text):
        assert smsutil.is_valid_gsm(text)
        assert smsutil.split(text).total_bytes == len(text)


@given(st.text(), st.integers(0, 50))
def test_clipping_keeps_the_beginning_and_the_measure(text: str, units: int) -> None:
    clipped = clip(text, units)

    assert text.startswith(clipped)
    assert len(clipped.encode("utf-16-be")) <= 2 * units


def test_clipping_does_not_cut_a_character() -> None:
    assert clip("a𠀀b", 2) == "a"
    assert clip("a𠀀b", 3) == "a𠀀"
