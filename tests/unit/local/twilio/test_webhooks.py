"""Connection overrides and signatures of webhooks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from callguard.errors import ProtocolError
from callguard.local.twilio.account import Account
from callguard.local.twilio.debugger import Debugger
from callguard.local.twilio.webhooks import Overrides, Webhooks


def test_overrides_are_read_from_a_fragment() -> None:
    assert Overrides.parse("") == Overrides(5000, 15000, 15000, 1, frozenset({"ct"}))
    assert Overrides.parse("rc=2&rp=all&ct=2000&rt=3000&tt=9000&e=dublin") == Overrides(
        2000, 3000, 9000, 2, frozenset({"4xx", "5xx", "ct", "rt"})
    )
    assert Overrides.parse("rp=ct,rt").policy == {"ct", "rt"}


@pytest.mark.parametrize("fragment", ["rc=6", "rc=-1", "ct=99", "rt=15001", "tt=1", "rc=two", "rp=always"])
def test_overrides_beyond_twilios_bounds_are_refused(fragment: str) -> None:
    with pytest.raises(ProtocolError):
        Overrides.parse(fragment)


@given(fragment=st.text())
def test_any_fragment_is_read_or_refused(fragment: str) -> None:
    try:
        overrides = Overrides.parse(fragment)
    except ProtocolError:
        return
    assert 0 <= overrides.retries <= 5


@given(params=st.dictionaries(st.text(), st.text()))
def test_a_signature_is_the_sdks_and_leaves_the_fragment_out(params: dict[str, str]) -> None:
    webhooks = Webhooks(Account("AC" + "a" * 32, "token"), Debugger())
    signature = webhooks.signature("https://guard.test/voice?x=1#rc=2", params)
    assert RequestValidator("token").validate("https://guard.test/voice?x=1", params, signature)
    assert not RequestValidator("other").validate("https://guard.test/voice?x=1", params, signature)
