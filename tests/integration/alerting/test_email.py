"""E-mail: encrypted as configured or not sent, and nothing of a message leaks into an error."""

from pathlib import Path
from uuid import UUID

import pytest

from callguard.alerting.email import Mailer
from callguard.config import Settings, load_settings
from callguard.errors import ConfigurationError, DeliveryError, DeliveryRefused
from tests.stand_ins.certificate import contexts
from tests.stand_ins.mail_server import mail_server

ID = UUID(int=7)
ANNA = "anna@example.org"


def settings_of(port: int, **changes: object) -> Settings:
    return load_settings(
        _env_file=None, smtp_host="localhost", smtp_port=port, smtp_from="callguard@example.org", **changes
    )


async def send(settings: Settings, to: str = ANNA) -> None:
    assert settings.smtp_host is not None
    await Mailer(settings, settings.smtp_host).send(
        to=to, subject="Öffnen", body="Grüße an Margaret.", message_id=ID
    )


async def test_over_starttls_with_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server_side, _ = contexts("localhost", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "chain.pem"))
    async with mail_server(tls=server_side) as server:
        await send(settings_of(server.port, smtp_user="callguard", smtp_password="secret"))

    (mail,) = server.received
    assert server.encrypted == [True]
    assert server.logins == ["callguard"]
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "callguard <callguard@example.org>",
        ANNA,
        "Öffnen",
    )
    assert mail["Message-ID"] == f"<{ID}@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == "Grüße an Margaret."


async def test_a_server_that_offers_no_encryption_gets_nothing() -> None:
    async with mail_server() as server:
        with pytest.raises(DeliveryError) as raised:
            await send(settings_of(server.port))

    assert raised.value.code == "EMAIL_UNREACHABLE"
    assert server.received == []


async def test_a_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    server_side, _ = contexts("localhost", tmp_path)
    async with mail_server(tls=server_side) as server:
        with pytest.raises(DeliveryError):
            await send(settings_of(server.port, smtp_user="callguard", smtp_password="secret"))

    assert (server.received, server.logins) == ([], [])


async def test_a_wrong_password_may_be_mended_and_is_not_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_side, _ = contexts("localhost", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "chain.pem"))
    async with mail_server(tls=server_side) as server:
        with pytest.raises(DeliveryError, match="SMTP_PASSWORD") as raised:
            await send(settings_of(server.port, smtp_user="callguard", smtp_password="wrong-one"))

    assert not isinstance(raised.value, DeliveryRefused)
    assert "wrong-one" not in str(raised.value)


@pytest.mark.parametrize(("reply", "for_good"), [("550 no such user", True), ("452 full", False)])
async def test_a_refusal_keeps_its_code_and_not_the_address(reply: str, for_good: bool) -> None:
    async with mail_server() as server:
        server.refusals[ANNA] = reply
        with pytest.raises(DeliveryError) as raised:
            await send(settings_of(server.port, smtp_security="none"))

    assert isinstance(raised.value, DeliveryRefused) is for_good
    assert raised.value.code == f"EMAIL_{reply[:3]}"
    assert "anna" not in str(raised.value)


@pytest.mark.parametrize("address", ["anna@example.org\nBcc: eve@example.org", "@"])
async def test_an_address_that_is_none_writes_to_nobody(address: str) -> None:
    async with mail_server() as server:
        with pytest.raises(DeliveryError):
            await send(settings_of(server.port, smtp_security="none"), address)

    assert server.received == []


async def test_no_server_is_a_reason_to_try_again() -> None:
    async with mail_server() as server:
        port = server.port
    with pytest.raises(DeliveryError) as raised:
        await send(settings_of(port, smtp_security="none"))
    assert not isinstance(raised.value, DeliveryRefused)


def test_a_mail_server_without_a_sender_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="SMTP_FROM"):
        load_settings(_env_file=None, smtp_host="mail.example.org")


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_from": "callguard"},
        {"operator_email": "a@example.org, b@example.org"},
        {"operator_number": "555-0123"},
        {"heartbeat_url": "http://heartbeat.example.org"},
        {"vapid_subject": "operator@example.org"},
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, str]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=name):
        load_settings(_env_file=None, **wrong)
