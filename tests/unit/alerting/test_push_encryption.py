"""Web push bodies and signatures, by the RFCs' own examples and an independent reader."""

import base64
from unittest.mock import patch

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from callguard.alerting.push import Subscription, Vapid, encrypt, unpadded
from callguard.config import load_settings
from callguard.errors import ConfigurationError
from tests.stand_ins.push_service import Browser

# RFC 8291, Appendix A.
EXAMPLE = {
    "plaintext": "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24",
    "as_private": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "ua_public": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "body": "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
    "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
}


def test_the_example_of_the_rfc_comes_out_as_printed() -> None:
    private = ec.derive_private_key(int.from_bytes(unpadded(EXAMPLE["as_private"])), ec.SECP256R1())
    subscription = Subscription("https://push.example.net/1", EXAMPLE["ua_public"], EXAMPLE["auth"])
    with (
        patch.object(ec, "generate_private_key", lambda _curve: private),
        patch.object(http_ece.os, "urandom", lambda _count: unpadded(EXAMPLE["salt"])),
    ):
        body = encrypt(subscription, unpadded(EXAMPLE["plaintext"]))

    assert body == unpadded(EXAMPLE["body"])


def test_each_push_has_keys_of_its_own() -> None:
    browser = Browser("https://push.example.org/1")
    subscription = Subscription(**browser.subscription())

    first, second = (encrypt(subscription, b'{"title": "x"}') for _ in range(2))

    assert first[:86] != second[:86]
    assert browser.open(first) == browser.open(second) == {"title": "x"}


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "http://push.example.org/1"},
        {"endpoint": "https://127.0.0.1/1"},
        {"endpoint": "https://[::1]/1"},
        {"endpoint": "https://localhost/1"},
        {"endpoint": "https://user@push.example.org/1"},
        {"endpoint": "https://push.example.org:x/1"},
        {"p256dh": "AAAA"},
        {"p256dh": "*"},
        {"p256dh": base64.urlsafe_b64encode(b"\x04" + bytes(64)).decode()},
        {"auth": "AAAA"},
    ],
)
def test_what_is_no_subscription_is_known_as_such(change: dict[str, str]) -> None:
    given = Browser("https://push.example.org/1").subscription()

    assert Subscription(**given).is_sound()
    assert not Subscription(**(given | change)).is_sound()


def test_the_derived_key_stays_the_same_and_a_given_one_wins() -> None:
    nothing, given = (
        load_settings(_env_file=None, vapid_private_key=key) for key in (None, EXAMPLE["as_private"])
    )

    derived = [Vapid.from_settings(nothing, bytes(31) + bytes([n])).public_key for n in (1, 1, 2)]

    assert derived[0] == derived[1] != derived[2]
    assert len(unpadded(derived[0])) == 65
    point = unpadded(Vapid.from_settings(given, bytes(32)).public_key)
    assert point == unpadded(EXAMPLE["body"])[21:86]


@pytest.mark.parametrize("key", ["*", "AAAA" * 20, base64.urlsafe_b64encode(bytes(32)).decode()])
def test_a_wrong_key_is_named_and_not_shown(key: str) -> None:
    settings = load_settings(_env_file=None, vapid_private_key=key)

    with pytest.raises(ConfigurationError, match="VAPID_PRIVATE_KEY") as raised:
        Vapid.from_settings(settings, bytes(32))
    assert key not in str(raised.value) or key == "*"


def test_the_signature_is_for_one_service_and_names_whom_to_write_to() -> None:
    settings = load_settings(_env_file=None, operator_email="operator@example.org")
    vapid = Vapid.from_settings(settings, bytes(32))

    token = vapid.authorization("https://push.example.org:8443/p/1?x=y", 1_000.0).split("t=")[1].split(",")[0]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {
        "aud": "https://push.example.org:8443",
        "exp": 4_600,
        "sub": "mailto:operator@example.org",
    }
