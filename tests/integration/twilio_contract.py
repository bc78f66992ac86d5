"""Every REST request held against Twilio's own API document, by openapi-core.

It checks paths, required parameters, types, patterns and words of an enumeration; that the document knows
each parameter's name is checked beside it, since an OpenAPI schema lets others pass.
"""

import json
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlencode

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from callguard.local.twilio.rest import RestRequest
from tests.integration.local.stand_in_bench import API_DOCUMENT, api_document

TWILIO_API = "https://api.twilio.com"
FORM = "application/x-www-form-urlencoded"
# A recording by its own SID, which the reduced document lacks; its audio is in no version of it.
RECORDING = "/Recordings/RE"
# The document wants credentials; whether they are right is the stand-in's to say.
SIGNED_IN = {"Authorization": "Basic eDp4"}


@cache
def _document() -> OpenAPI:
    return OpenAPI.from_dict(json.loads(API_DOCUMENT.read_text()))


def assert_accepted(requests: Iterable[RestRequest]) -> None:
    """Twilio would take each of them. Raises AssertionError or one of openapi-core's errors."""
    for request in requests:
        if RECORDING in request.path:
            continue
        api_document().check_request(request.method, request.path, request.params)
        _document().validate_request(_as_sent(request))


def _as_sent(request: RestRequest) -> MockRequest:
    if request.method != "POST":
        query = {name: values[0] for name, values in request.params.items()}
        return MockRequest(
            TWILIO_API, request.method.lower(), request.path, args=query, headers=SIGNED_IN, content_type=""
        )
    body = urlencode(request.params, doseq=True).encode()
    return MockRequest(TWILIO_API, "post", request.path, data=body, headers=SIGNED_IN, content_type=FORM)
