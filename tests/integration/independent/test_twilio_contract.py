"""The check itself: a request that Twilio would not take does not pass it."""

import pytest
from openapi_core.exceptions import OpenAPIError

from callguard.local.twilio.rest import RestRequest
from tests.integration.twilio_contract import assert_accepted

BASE = f"/2010-04-01/Accounts/AC{'0' * 32}"
MESSAGE = {"To": ("+12025550101",), "From": ("+12025550102",), "Body": ("Call your mother",)}
LEG = {"To": ("+12025550101",), "From": ("+12025550102",), "StatusCallbackEvent": ("ringing", "answered")}
ROOM = f"{BASE}/Conferences/User-1-2/Participants.json"


def test_what_twilio_takes_passes() -> None:
    assert_accepted(
        [
            RestRequest("POST", f"{BASE}/Messages.json", MESSAGE),
            RestRequest("POST", ROOM, LEG | {"EarlyMedia": ("true",), "Timeout": ("30",)}),
            RestRequest("GET", f"{BASE}/Messages.json", {"To": ("+12025550101",), "PageSize": ("50",)}),
        ]
    )


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        pytest.param("POST", f"{BASE}/Messages.json", MESSAGE | {"Urgent": ("1",)}, id="unknown name"),
        pytest.param("POST", f"{BASE}/Messages.json", {"Body": ("x",)}, id="nobody to send it to"),
        pytest.param("POST", ROOM, LEG | {"Timeout": ("long",)}, id="no number"),
        pytest.param("POST", f"{BASE}/Letters.json", MESSAGE, id="no such path"),
        pytest.param("GET", f"{BASE}/Messages.json", {"PageSize": ("all",)}, id="wrong query"),
        pytest.param("POST", f"{BASE}/Calls/CA1.json", {"Status": ("completed",)}, id="no call"),
        pytest.param(
            "POST", f"{BASE}/Calls/CA{'0' * 32}.json", {"Status": ("over",)}, id="a word that Twilio lacks"
        ),
    ],
)
def test_what_twilio_would_refuse_does_not(
    method: str, path: str, params: dict[str, tuple[str, ...]]
) -> None:
    with pytest.raises((OpenAPIError, AssertionError)):
        assert_accepted([RestRequest(method, path, params)])
