"""What waits in the outbox when a contact answers: warnings are dropped, an alarm is not."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import unused_port

from callguard.alerting.letters import Letters
from callguard.alerting.outbox import SEND_ALERT, Outbox, request_alerts
from callguard.alerting.speech import AlertSpeech
from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.alerts import Caps
from callguard.domain.scoring import AlertLevel
from callguard.errors import TelephonyUnreachable
from callguard.local.postgres import Cluster
from callguard.telephony.destinations import Destinations
from callguard.telephony.twilio import TwilioTelephony
from callguard.trust.links import AlertLinks
from tests.integration.population import household, open_call, rows

BASE = "https://calls.example.org"
SPEECH = AlertSpeech(BASE)
LETTERS = Letters(AlertLinks(b"k" * 32, BASE))


@pytest.fixture
async def outbox(database: Database) -> AsyncIterator[Outbox]:
    """An outbox whose telephone is dead: what it tries to send is told from what it drops."""
    telephony = TwilioTelephony(
        account_sid="AC" + "0" * 32, auth_token="x", base_url=f"http://127.0.0.1:{unused_port()}"
    )
    yield Outbox(database, telephony, SPEECH, LETTERS, Destinations(()), sender=None, answer_seconds=60)
    await telephony.close()


@pytest.mark.parametrize(
    ("level", "answered", "safe", "is_tried"),
    [
        (AlertLevel.WARNING, False, False, True),
        (AlertLevel.WARNING, True, False, False),
        (AlertLevel.DANGER, True, False, True),
        (AlertLevel.DANGER, False, True, False),
    ],
)
async def test_an_answer_drops_the_warnings_that_wait_and_safe_drops_everything(
    database: Database,
    cluster: Cluster,
    outbox: Outbox,
    level: AlertLevel,
    answered: bool,
    safe: bool,
    is_tried: bool,
) -> None:
    home = await household(database, 1)
    call_id = await open_call(database, home, 1)
    verdict: list[object] = [["irs"], "The IRS.", {}, 70.0, True, "SUSPECT", "government", "So.", [], {}, 1]
    async with database.tenant(home.tenant_id) as session:
        ben_id = await session.value(
            "people.add_contact", home.tenant_id, home.user_id, "Ben", "+12025550129", "son", 2
        )
        await session.run("people.verify_contact", ben_id)
        analysis_id = await session.value("analyses.add", home.tenant_id, call_id, *verdict)
        await request_alerts(session, home.tenant_id, call_id, analysis_id, level, Caps())
    alerts = await rows(cluster, "SELECT id, contact_id FROM alerts")
    (annas,) = [alert["id"] for alert in alerts if alert["contact_id"] == home.contact_id]
    async with database.tenant(home.tenant_id) as session:
        if answered:
            await session.run("answers.close_alert", annas, "sms")
        if safe:
            await session.run("answers.call_is_safe", call_id)
    await rows(cluster, "UPDATE work SET run_after = now() WHERE kind = $1", SEND_ALERT)
    claimed = await queue.claim(database, [SEND_ALERT], 5)
    (bens,) = [work for work in claimed if work.subject != annas]

    if is_tried:
        with pytest.raises(TelephonyUnreachable):
            await outbox.send(bens)
    else:
        await outbox.send(bens)

    (ben,) = await rows(cluster, "SELECT status FROM alerts WHERE id = $1", bens.subject)
    assert ben["status"] == ("sending" if is_tried else "skipped")


async def test_a_call_called_safe_alarms_nobody_new(database: Database, cluster: Cluster) -> None:
    home = await household(database, 1)
    call_id = await open_call(database, home, 1)
    verdict: list[object] = [["irs"], "The IRS.", {}, 90.0, True, "SCAM", "government", "So.", [], {}, 1]
    async with database.tenant(home.tenant_id) as session:
        await session.run("answers.call_is_safe", call_id)
        analysis_id = await session.value("analyses.add", home.tenant_id, call_id, *verdict)
        await request_alerts(session, home.tenant_id, call_id, analysis_id, AlertLevel.DANGER, Caps())

    assert await rows(cluster, "SELECT FROM alerts") == []
