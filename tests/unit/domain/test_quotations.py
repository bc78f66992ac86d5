"""What is quoted of a call leads nowhere: no number, no link, no address."""

import re

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.quotations import LONGEST, bare, quotable

spoken = st.text() | st.lists(
    st.sampled_from(
        ["call", "+1 202 555 0188", "pay.me", "www.a.example/x", "win@prize.example", "now.", "٣٤"]
    )
).map(" ".join)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("call 202 555 0188 now", "call … now"),
        ("go to www.pay.example and log in.", "go to … and log in."),
        ("write to win@prize.example", "write to …"),
        ("buy five gift cards", "buy five gift cards"),
        ("", ""),
    ],
)
def test_numbers_and_links_are_left_out(said: str, shown: str) -> None:
    assert bare(said) == shown


@given(spoken)
def test_whatever_is_said_nothing_in_it_leads_anywhere(said: str) -> None:
    for shown in (bare(said), quotable(said)):
        assert not re.search(r"\d|[@/\\:=]", shown)
        assert not re.search(r"(?<!\.)\.[^\s.]", shown)


@given(spoken)
def test_what_a_message_quotes_is_short_and_in_gsm_7(said: str) -> None:
    quoted = quotable(said)

    assert len(quoted) <= LONGEST
    assert '"' not in quoted
    assert not quoted or smsutil.is_valid_gsm(quoted)


def test_a_few_letters_are_no_quotation() -> None:
    assert quotable("yes 5551234") == ""
    assert quotable("李明李明李明李明李明李明李明") == ""
