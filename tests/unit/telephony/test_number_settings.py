"""How a number is set: within what Twilio allows, and soon past a server that is gone."""

from dataclasses import replace
from urllib.parse import urldefrag

import pytest

from callguard.local.twilio.webhooks import Overrides
from callguard.telephony.numbers import fallback_url_for, wanted_settings

BASE = "https://calls.example.org"
NUMBER = "+12025550100"
WANTED = wanted_settings(BASE, "https://static.example.org/dial.xml")


@pytest.mark.promise("F2")
def test_a_caller_waits_six_seconds_at_the_most_before_the_fallback() -> None:
    overrides = Overrides.parse(urldefrag(WANTED.voice_url).fragment)
    assert (overrides.retries + 1) * max(overrides.read_ms, overrides.connect_ms) <= 6000
    assert {"ct", "rt", "5xx"} <= overrides.policy


def test_what_nobody_waits_for_is_repeated_more_often() -> None:
    assert Overrides.parse(urldefrag(WANTED.status_callback).fragment).retries == 3


def test_only_what_differs_is_told() -> None:
    assert WANTED.differences(WANTED) == []
    here = replace(WANTED, sms_url="", voice_method="GET")
    assert here.differences(WANTED) == [("voice_method", "GET", "POST"), ("sms_url", "", WANTED.sms_url)]


@pytest.mark.promise("F1")
@pytest.mark.parametrize(
    ("template", "current", "url"),
    [
        (None, "", ""),
        (None, "https://bin.example.org/1", "https://bin.example.org/1"),
        (None, f"{BASE}/fallback", ""),
        ("https://static.example.org/{number}.xml", "", "https://static.example.org/%2B12025550100.xml"),
        (
            "https://x.example.org/echo?Twiml={twiml}",
            "https://old",
            "https://x.example.org/echo?Twiml=%3CR%2F%3E",
        ),
    ],
)
def test_the_fallback_is_never_on_this_server(template: str | None, current: str, url: str) -> None:
    assert fallback_url_for(template, NUMBER, "<R/>", current, BASE) == url
