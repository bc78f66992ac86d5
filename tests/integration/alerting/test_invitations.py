"""Whom callguard writes to: numbers that have confirmed themselves, in countries that were allowed."""

import asyncio
import re
from uuid import UUID

import pytest

from callguard.alerting.invitations import MOST_WRONG_CODES, request_invitation
from callguard.cli.invite import invite
from callguard.config import Settings
from callguard.dashboard.snapshot import LiveAlert
from callguard.dashboard.source import DatabaseSnapshots
from callguard.dashboard.wording import answer_words, delivery_words
from callguard.db.pool import Database
from callguard.domain.reply_texts import Told, acknowledgement
from callguard.errors import InvitationRefused
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import Handset, OnSms
from tests.integration.alerting.alarm import ANNA, BEN, TWILIO, reply, rung, scam_under_way, sent
from tests.integration.eventually import eventually
from tests.integration.population import household, rows, value

TENANT = DEMO_FAMILY.tenant_id
CARL, STRANGER, ABROAD = "+12025550122", "+12025550177", "+442079460122"
VERIFIED = "SELECT verified_at IS NOT NULL FROM emergency_contacts WHERE phone_number = $1"


async def contact(stage: Stage, number: str = CARL, name: str = "Carl", *, verified: bool = False) -> UUID:
    """Somebody new in the demo family."""
    async with stage.database.tenant(TENANT) as session:
        person = await session.value(
            "people.add_person",
            *(TENANT, DEMO_FAMILY.email, DEMO_FAMILY.person, DEMO_FAMILY.phone_number, TWILIO, "en", True),
        )
        contact_id: UUID = await session.value(
            "people.add_contact", TENANT, person, name, number, "neighbour", 3
        )
        if verified:
            await session.run("people.verify_contact", contact_id)
    return contact_id


async def invited(stage: Stage, contact_id: UUID, number: str = CARL) -> str:
    """The code that an invitation brought."""
    async with stage.database.tenant(TENANT) as session:
        await request_invitation(session, TENANT, contact_id)
    before = len(sent(stage, number))

    async def messages() -> list[str]:
        return sent(stage, number)[before:]

    (body,) = await eventually(messages, bool)
    (code,) = re.findall(r"\b[A-Z]{2,3} ([0-9A-F]{6})\b", body)
    return str(code)


async def newest(stage: Stage, number: str) -> str:
    async def last() -> str:
        return (sent(stage, number) or [""])[-1]

    return await eventually(last, lambda body: body.startswith("callguard"))


async def alerts_shown(stage: Stage) -> dict[str, list[LiveAlert]]:
    """As the dashboard has them, by contact."""
    shown: dict[str, list[LiveAlert]] = {}
    for call in (await DatabaseSnapshots(stage.database)()).calls:
        for alert in call.alerts:
            shown.setdefault(alert.contact_name, []).append(alert)
    return shown


async def test_yes_and_the_code_from_the_invited_number_confirm_it(stage: Stage, cluster: Cluster) -> None:
    """A21, A22: whoever only knows the number can't confirm it."""
    carl = await contact(stage)
    await rows(cluster, "UPDATE emergency_contacts SET language = 'pt' WHERE phone_number = $1", CARL)
    code = await invited(stage, carl)
    assert "Margaret escolheu-o" in sent(stage, CARL)[-1]

    await reply(stage, STRANGER, f"SIM {code}")
    await reply(stage, ANNA, f"YES {code}")
    await reply(stage, CARL, "sim")
    assert await newest(stage, CARL) == acknowledgement(Told.NO_INVITATION, "pt")
    assert await value(cluster, VERIFIED, CARL) is False

    await reply(stage, CARL, f"Sim, {code.lower()}!")
    await eventually(lambda: value(cluster, VERIFIED, CARL), bool)
    assert await newest(stage, CARL) == acknowledgement(Told.WELCOME, "pt")
    assert sent(stage, STRANGER) == []

    async def delivered() -> object:
        return await value(cluster, "SELECT status FROM invitations")

    await eventually(delivered, lambda status: status == "delivered")
    with pytest.raises(InvitationRefused, match="confirmed already"):
        await invited(stage, carl)
    assert list(stage.stand_in.debugger) == []


async def test_a_code_that_is_guessed_or_old_confirms_nothing(stage: Stage, cluster: Cluster) -> None:
    carl = await contact(stage)
    code = await invited(stage, carl)
    await rows(cluster, "UPDATE invitations SET created_at = created_at - interval '8 days'")
    await reply(stage, CARL, f"YES {code}")
    assert await newest(stage, CARL) == acknowledgement(Told.NO_INVITATION, "en")

    code = await invited(stage, carl)
    for guess in range(MOST_WRONG_CODES):
        await reply(stage, CARL, f"YES {guess:06}")
    await reply(stage, CARL, f"YES {code}")
    assert await value(cluster, VERIFIED, CARL) is False


@pytest.mark.promise("A21")
async def test_a_code_is_good_for_the_number_that_got_it_alone(stage: Stage, cluster: Cluster) -> None:
    """A21: a code that went to one's own number confirms no other, even in that one's name."""
    code = await invited(stage, await contact(stage))
    await rows(
        cluster, "UPDATE emergency_contacts SET phone_number = $1 WHERE phone_number = $2", STRANGER, CARL
    )
    await reply(stage, STRANGER, f"YES {code}")
    assert await newest(stage, STRANGER) == acknowledgement(Told.NO_INVITATION, "en")
    assert await value(cluster, VERIFIED, STRANGER) is False


@pytest.mark.promise("A22")
async def test_invitations_are_few(database: Database, cluster: Cluster) -> None:
    home = await household(database, 1)
    async with database.tenant(home.tenant_id) as session:
        new = await session.value(
            "people.add_contact", home.tenant_id, home.user_id, "Carl", CARL, "neighbour", 3
        )
        await request_invitation(session, home.tenant_id, new)
    for _ in range(2):
        with pytest.raises(InvitationRefused, match="invited already"):
            async with database.tenant(home.tenant_id) as session:
                await request_invitation(session, home.tenant_id, new)
        await rows(cluster, "UPDATE invitations SET created_at = created_at - interval '1 hour'")
        async with database.tenant(home.tenant_id) as session:
            if await session.value("invitations.add", home.tenant_id, new) is None:
                pytest.fail("an invitation was not stored")
    await rows(cluster, "UPDATE invitations SET created_at = created_at - interval '1 hour'")
    with pytest.raises(InvitationRefused, match="invited already"):
        async with database.tenant(home.tenant_id) as session:
            await request_invitation(session, home.tenant_id, new)
    await rows(cluster, "UPDATE emergency_contacts SET opted_out_at = now() WHERE id = $1", new)
    with pytest.raises(InvitationRefused, match="opted out"):
        async with database.tenant(home.tenant_id) as session:
            await request_invitation(session, home.tenant_id, new)


async def test_the_command_invites_whoever_has_not_confirmed(
    stage: Stage, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await contact(stage)
    assert settings.database_url is not None
    assert settings.database_app_url is not None
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("DATABASE_APP_URL", settings.database_app_url.get_secret_value())
    for said in ("1 invited\n", "0 invited\n1 not invited: invited already\n"):
        await asyncio.to_thread(invite)
        assert capsys.readouterr().out == said
    assert "reply YES" in await newest(stage, CARL)
    assert sent(stage, ANNA) == []


async def test_another_number_has_to_confirm_itself_again(database: Database, cluster: Cluster) -> None:
    await household(database, 1)
    await rows(cluster, "UPDATE emergency_contacts SET name = 'Annie'")
    assert await value(cluster, "SELECT verified_at IS NOT NULL FROM emergency_contacts") is True
    await rows(cluster, "UPDATE emergency_contacts SET phone_number = $1", CARL)
    assert await value(cluster, VERIFIED, CARL) is False


@pytest.mark.promise("A22")
async def test_alerts_go_to_confirmed_numbers_of_allowed_countries_and_each_failure_shows(
    stage: Stage, cluster: Cluster
) -> None:
    """A22, A23."""
    await contact(stage)
    await contact(stage, ABROAD, "Dora", verified=True)
    await contact(stage, DEMO_FAMILY.phone_number, "Eve", verified=True)
    await rows(cluster, "UPDATE emergency_contacts SET language = 'es' WHERE name = 'Anna'")
    await rows(cluster, "UPDATE users SET quote_in_alerts = true")
    async with scam_under_way(stage):
        await reply(stage, ANNA, "LLAMAR")
        await eventually(lambda: value(cluster, "SELECT count(*) FROM answers"), lambda count: count == 1)

        async def doras() -> list[LiveAlert]:
            return (await alerts_shown(stage)).get("Dora", [])

        await eventually(doras, lambda seen: len(seen) == 2 and {a.status for a in seen} == {"failed"})
        shown = await alerts_shown(stage)

    assert "callguard ALERTA: Margaret habla" in sent(stage, ANNA)[0]
    assert 'Dijo: "' in sent(stage, ANNA)[0]
    assert acknowledgement(Told.CALL, "es") in sent(stage, ANNA)
    assert "callguard ALERT: Margaret is" in sent(stage, BEN)[0]
    for number in (CARL, ABROAD, DEMO_FAMILY.phone_number):
        assert sent(stage, number) == []
        assert rung(stage, number) == []
    assert "this number has not confirmed itself yet" in delivery_words(shown["Carl"][0])
    assert "the number's country is not allowed" in delivery_words(shown["Dora"][0])
    assert "the caller's or the person's own" in delivery_words(shown["Eve"][0])
    answered = [answer_words(alert) for alert in shown["Anna"] if alert.answered_at]
    assert answered == ["answered by SMS: ring me"]


async def test_where_nobody_has_confirmed_danger_goes_out_once_without_link_and_its_code_confirms(
    stage: Stage, cluster: Cluster
) -> None:
    stage.stand_in.phone_book.put(Handset(BEN, on_sms=OnSms.undelivered(30003)))
    await rows(cluster, "UPDATE emergency_contacts SET verified_at = NULL")
    await rows(cluster, "UPDATE users SET quote_in_alerts = true")
    async with scam_under_way(stage):
        (message,) = sent(stage, ANNA)
        assert "callguard ALERT: Margaret" in message
        assert "/e/" not in message
        assert '"' not in message

        await reply(stage, ANNA, "SAFE")
        assert await newest(stage, ANNA) == acknowledgement(Told.WHICH, "en")
        assert await value(cluster, VERIFIED, ANNA) is False
        await reply(stage, ANNA, f"SAFE {message[-6:]}")
        await eventually(lambda: value(cluster, VERIFIED, ANNA), bool)
        warnings = "SELECT count(*) FROM alerts WHERE level = 'warning' AND status <> 'skipped'"
        assert await value(cluster, warnings) == 0
    assert rung(stage, BEN) == []  # nobody knows whose number that is


async def test_an_alert_that_can_go_nowhere_is_a_failure_that_shows(stage: Stage, cluster: Cluster) -> None:
    await rows(cluster, "DELETE FROM emergency_contacts WHERE name = 'Ben'")
    await rows(cluster, "UPDATE emergency_contacts SET phone_number = $1", DEMO_FAMILY.phone_number)
    async with scam_under_way(stage):
        shown = await alerts_shown(stage)

    assert list(stage.stand_in.messages) == []
    (danger,) = [alert for alert in shown["nobody"] if alert.level == "danger"]
    assert (danger.status, delivery_words(danger)) == (
        "failed",
        "could not be sent: no contact has confirmed their number",
    )


@pytest.mark.promise("A23")
async def test_a_way_to_the_person_in_a_country_that_is_not_allowed_is_passed_over(
    stage: Stage, cluster: Cluster
) -> None:
    """A23."""
    for position, (kind, address) in enumerate([("second_number", ABROAD), ("same_number", None)]):
        await rows(
            cluster,
            "INSERT INTO delivery_routes (tenant_id, user_id, kind, address, position) "
            "SELECT tenant_id, id, $1, $2, $3 FROM users",
            kind,
            address,
            position,
        )
    async with scam_under_way(stage):
        legs = await rows(cluster, "SELECT address, refusal FROM call_legs ORDER BY attempt")

    assert [tuple(leg) for leg in legs] == [
        (ABROAD, "destination_country"),
        (DEMO_FAMILY.phone_number, None),
    ]
    asked = [request.params.get("To") for request in stage.stand_in.requests]
    assert (ABROAD,) not in asked
