import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData
from starlette.requests import HTTPConnection
from twilio.request_validator import RequestValidator

from callguard.intake.signature import SignatureGate

BASE = "https://calls.example.org"
PRIMARY, SECONDARY = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
GATE = SignatureGate([PRIMARY, SECONDARY], BASE)
FORM = {"CallSid": "CA1", "From": "+12025550143", "Digits": "", "City": "São Paulo"}


def request(
    path: str = "/incoming-call",
    query: str = "",
    signature: str | None = None,
    *,
    kind: str = "http",
    host: str = "10.0.0.7:8000",
) -> HTTPConnection:
    headers = [(b"host", host.encode())]
    if signature is not None:
        headers.append((b"x-twilio-signature", signature.encode("latin-1")))
    return HTTPConnection(
        {
            "type": kind,
            "scheme": "http",
            "server": ("10.0.0.7", 8000),
            "path": path,
            "query_string": query.encode("latin-1"),
            "headers": headers,
        }
    )


def signed(url: str, params: object = None, token: str = PRIMARY) -> str:
    return str(RequestValidator(token).compute_signature(url, params or {}))


class TestForm:
    def test_twilio_signed_it(self) -> None:
        signature = signed(f"{BASE}/incoming-call", FORM)

        assert GATE.webhook_ok(request(signature=signature), FormData(FORM))

    def test_it_is_checked_against_the_public_address_and_not_the_one_it_came_by(self) -> None:
        signature = signed("http://10.0.0.7:8000/incoming-call", FORM)

        assert not GATE.webhook_ok(request(signature=signature), FormData(FORM))

    @pytest.mark.promise("A4")
    @pytest.mark.parametrize("host", ["calls.example.org", "evil.example", "x/call-status#", "x?y=", ""])
    def test_the_host_header_changes_nothing(self, host: str) -> None:
        here = signed(f"{BASE}/incoming-call", FORM)
        elsewhere = signed(f"{BASE}/call-status", FORM)

        assert GATE.webhook_ok(request(signature=here, host=host), FormData(FORM))
        assert not GATE.webhook_ok(request(signature=elsewhere, host=host), FormData(FORM))

    @pytest.mark.promise("A3")
    def test_the_secondary_token_is_accepted_and_others_are_not(self) -> None:
        url = f"{BASE}/incoming-call"

        assert GATE.webhook_ok(request(signature=signed(url, FORM, SECONDARY)), FormData(FORM))
        assert not GATE.webhook_ok(request(signature=signed(url, FORM, "another")), FormData(FORM))
        only_primary = SignatureGate([PRIMARY], BASE)
        assert not only_primary.webhook_ok(request(signature=signed(url, FORM, SECONDARY)), FormData(FORM))

    @pytest.mark.promise("A3")
    @pytest.mark.parametrize(("seconds", "accepted"), [(-1, True), (0, False), (1, False)])
    def test_the_secondary_tokens_time_ends(self, seconds: int, accepted: bool) -> None:
        url, end = f"{BASE}/incoming-call", datetime(2026, 12, 1, tzinfo=UTC)
        gate = SignatureGate(
            [PRIMARY, SECONDARY], BASE, rotated_by=end, clock=lambda: end + timedelta(seconds=seconds)
        )
        socket = request(
            "/media-stream", signature=signed("wss://calls.example.org/media-stream", token=SECONDARY)
        )

        assert gate.webhook_ok(request(signature=signed(url, FORM, SECONDARY)), FormData(FORM)) is accepted
        assert gate.web_socket_ok(socket) is accepted
        assert gate.webhook_ok(request(signature=signed(url, FORM)), FormData(FORM))

    @pytest.mark.parametrize("signature", [None, "", "wrong", "é", "=" * 28])
    def test_without_a_right_signature_it_is_refused(self, signature: str | None) -> None:
        assert not GATE.webhook_ok(request(signature=signature), FormData(FORM))

    @pytest.mark.parametrize(
        "changed",
        [FORM | {"From": "+12025550144"}, FORM | {"More": "1"}, {"CallSid": "CA1"}, {}],
    )
    def test_a_changed_form_is_refused(self, changed: dict[str, str]) -> None:
        signature = signed(f"{BASE}/incoming-call", FORM)

        assert not GATE.webhook_ok(request(signature=signature), FormData(changed))

    def test_the_query_is_signed_too(self) -> None:
        signature = signed(f"{BASE}/call-status?parent=CA1", FORM)

        assert GATE.webhook_ok(request("/call-status", "parent=CA1", signature), FormData(FORM))
        assert not GATE.webhook_ok(request("/call-status", "parent=CA2", signature), FormData(FORM))
        assert not GATE.webhook_ok(request("/call-status", "", signature), FormData(FORM))

    def test_a_parameter_may_come_twice(self) -> None:
        class Repeated(dict[str, list[str]]):
            def getlist(self, name: str) -> list[str]:
                return self[name]

        signature = signed(f"{BASE}/incoming-call", Repeated(MediaUrl=["a", "b"]))

        assert GATE.webhook_ok(request(signature=signature), FormData([("MediaUrl", "b"), ("MediaUrl", "a")]))

    @pytest.mark.parametrize("port", ["", ":443"])
    def test_twilio_signs_with_or_without_the_default_port(self, port: str) -> None:
        signature = signed(f"https://calls.example.org{port}/incoming-call", FORM)

        assert GATE.webhook_ok(request(signature=signature), FormData(FORM))

    @given(st.dictionaries(st.text(min_size=1), st.text()), st.text(alphabet="abcXYZ123/-_", max_size=9))
    def test_it_agrees_with_twilios_own_computation(self, form: dict[str, str], path: str) -> None:
        signature = signed(f"{BASE}/{path}", form)

        assert GATE.webhook_ok(request(f"/{path}", signature=signature), FormData(form))


class TestGet:
    QUERY = urlencode({"CallSid": "CA1", "From": "+12025550143"})

    def test_the_url_alone_is_signed(self) -> None:
        signature = signed(f"{BASE}/incoming-call?{self.QUERY}")

        assert GATE.webhook_ok(request(query=self.QUERY, signature=signature), None)
        assert not GATE.webhook_ok(request(query=self.QUERY + "4", signature=signature), None)

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        assert not GATE.webhook_ok(request(query="a=\xff", signature="wrong"), None)


class TestJson:
    BODY = json.dumps({"CallSid": "CA1", "words": "für"}).encode()

    def query(self, body: bytes) -> str:
        return f"bodySHA256={hashlib.sha256(body).hexdigest()}"

    def test_the_bodys_hash_is_in_the_signed_url(self) -> None:
        query = self.query(self.BODY)
        signature = signed(f"{BASE}/incoming-call?{query}")

        assert GATE.webhook_ok(request(query=query, signature=signature), self.BODY)

    @pytest.mark.promise("A1")
    @pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", BODY + b" "])
    def test_another_body_is_refused(self, body: bytes) -> None:
        query = self.query(self.BODY)
        signature = signed(f"{BASE}/incoming-call?{query}")

        assert not GATE.webhook_ok(request(query=query, signature=signature), body)

    @pytest.mark.parametrize("query", ["", "bodySHA256=", "bodySHA256", "x=1"])
    def test_a_body_without_a_hash_is_refused_though_the_url_is_signed(self, query: str) -> None:
        signature = signed(f"{BASE}/incoming-call" + (f"?{query}" if query else ""))

        assert not GATE.webhook_ok(request(query=query, signature=signature), self.BODY)

    def test_a_hash_that_nobody_signed_is_refused(self) -> None:
        query = self.query(self.BODY)

        assert not GATE.webhook_ok(request(query=query, signature=signed(f"{BASE}/incoming-call")), self.BODY)


class TestWebSocket:
    @pytest.mark.promise("A1")
    @pytest.mark.parametrize("slash", ["", "/"])
    @pytest.mark.parametrize("port", ["", ":443"])
    @pytest.mark.parametrize("token", [PRIMARY, SECONDARY])
    def test_with_and_without_slash_and_port(self, slash: str, port: str, token: str) -> None:
        signature = signed(f"wss://calls.example.org{port}/media-stream{slash}", token=token)

        assert GATE.web_socket_ok(request("/media-stream", signature=signature, kind="websocket"))

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_it_may_be_opened_with_the_slash(self, slash: str) -> None:
        signature = signed(f"wss://calls.example.org/media-stream{slash}")

        assert GATE.web_socket_ok(request("/media-stream/", signature=signature, kind="websocket"))

    @pytest.mark.parametrize(
        ("base", "url"),
        [
            ("https://calls.example.org:8443", "wss://calls.example.org:8443/media-stream"),
            ("https://calls.example.org:8443", "wss://calls.example.org/media-stream"),
            ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/media-stream"),
            ("http://127.0.0.1:8000", "ws://127.0.0.1/media-stream/"),
            ("http://[::1]:8000", "ws://[::1]:8000/media-stream"),
            ("https://calls.example.org/callguard", "wss://calls.example.org/callguard/media-stream"),
        ],
    )
    def test_other_public_addresses(self, base: str, url: str) -> None:
        gate = SignatureGate([PRIMARY], base)

        assert gate.web_socket_ok(request("/media-stream", signature=signed(url), kind="websocket"))

    @pytest.mark.parametrize(
        "url",
        [
            "wss://calls.example.org/another",
            "wss://evil.example/media-stream",
            "wss://calls.example.org:8443/media-stream",
            "https://calls.example.org/media-stream",
            "wss://calls.example.org/media-stream//",
        ],
    )
    def test_a_signature_for_elsewhere_is_refused(self, url: str) -> None:
        assert not GATE.web_socket_ok(request("/media-stream", signature=signed(url), kind="websocket"))

    @pytest.mark.parametrize("signature", [None, "", "wrong"])
    def test_without_a_right_signature_it_is_refused(self, signature: str | None) -> None:
        assert not GATE.web_socket_ok(request("/media-stream", signature=signature, kind="websocket"))

    def test_another_token_is_refused(self) -> None:
        signature = signed("wss://calls.example.org/media-stream", token="another")

        assert not GATE.web_socket_ok(request("/media-stream", signature=signature, kind="websocket"))
