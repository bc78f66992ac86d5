"""No storm of warnings, no lost danger, and no contact rung again and again."""

from uuid import UUID

import pytest
from structlog.testing import capture_logs

from callguard.alerting.letters import Letters
from callguard.alerting.outbox import ESCALATE, MOST_RINGS_AN_HOUR, Outbox, request_alerts
from callguard.alerting.speech import AlertSpeech
from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.alerts import Caps
from callguard.domain.scoring import AlertLevel
from callguard.local.postgres import Cluster
from callguard.telephony.destinations import Destinations
from callguard.telephony.twilio import TwilioTelephony
from callguard.trust.links import AlertLinks
from tests.integration.population import Household, call_sid, household, open_call, rows, value

CAPS = Caps()
SECOND = "+12025550128"
VERDICT: list[object] = [["irs"], "caller: the irs", {}, 90.0, True, "SCAM", "government", "So.", [], {}, 1]


async def alarm(
    database: Database, home: Household, number: int, level: AlertLevel, caps: Caps = CAPS
) -> UUID:
    """Call `number` is judged; its id."""
    call_id = await open_call(database, home, number)
    async with database.tenant(home.tenant_id) as session:
        analysis_id = await session.value("analyses.add", home.tenant_id, call_id, *VERDICT)
        await request_alerts(session, home.tenant_id, call_id, analysis_id, level, caps)
    return call_id


async def levels(cluster: Cluster, status: str) -> dict[str, int]:
    found = await rows(
        cluster, "SELECT level, count(*) AS n FROM alerts WHERE status = $1 GROUP BY level", status
    )
    return {row["level"]: row["n"] for row in found}


@pytest.mark.promise("A22")
async def test_warnings_stop_at_the_cap_and_danger_does_not(database: Database, cluster: Cluster) -> None:
    """A11, A22."""
    home = await household(database, 1)
    for number in range(1, 7):
        await alarm(database, home, number, AlertLevel.WARNING, Caps(contact_hour=3))
    assert await levels(cluster, "pending") == {"warning": 3}
    assert await value(cluster, "SELECT count(*) FROM alerts WHERE error_code = 'capped'") == 3

    for number in range(7, 13):
        await alarm(database, home, number, AlertLevel.DANGER, Caps(contact_hour=3))
    assert await levels(cluster, "pending") == {"warning": 3, "danger": 6}
    sent = "SELECT count(*) FROM work WHERE kind = 'send_alert'"
    assert await value(cluster, sent) == 9


@pytest.mark.promise("A22")
async def test_a_tenants_cap_counts_all_its_contacts(database: Database, cluster: Cluster) -> None:
    home = await household(database, 1)
    other = await household(database, 2)
    for number in range(1, 4):
        await alarm(database, home, number, AlertLevel.WARNING, Caps(tenant_day=2))
    await alarm(database, other, 4, AlertLevel.WARNING, Caps(tenant_day=2))
    assert await levels(cluster, "pending") == {"warning": 3}


async def test_neither_the_caller_nor_any_way_to_the_person_is_told(
    database: Database, cluster: Cluster
) -> None:
    """An alert there would ring in the middle of the fraud."""
    home = await household(database, 1)
    way = (
        "INSERT INTO delivery_routes (tenant_id, user_id, kind, address, looping) "
        "SELECT tenant_id, id, 'second_number', $1, true FROM users"
    )
    caller = "+12025550190"  # of call 190
    async with database.tenant(home.tenant_id) as session:
        for name, number in (("Ben", caller), ("Carl", SECOND), ("Dora", home.twilio_number)):
            added = await session.value(
                "people.add_contact", home.tenant_id, home.user_id, name, number, "friend", 2
            )
            await session.run("people.verify_contact", added)
    await rows(cluster, way, SECOND)
    await alarm(database, home, 190, AlertLevel.DANGER)

    found = await rows(
        cluster,
        "SELECT name, status, error_code FROM alerts a JOIN emergency_contacts e ON e.id = a.contact_id",
    )
    assert {row["name"]: (row["status"], row["error_code"]) for row in found} == {
        "Anna": ("pending", None),
        "Ben": ("skipped", "own_number"),
        "Carl": ("skipped", "own_number"),
        "Dora": ("skipped", "own_number"),
    }


async def test_an_alert_for_nobody_is_one_failure_and_its_log_names_no_one(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database, 1)
    await rows(cluster, "DELETE FROM emergency_contacts")
    with capture_logs() as logged:
        call_id = await alarm(database, home, 1, AlertLevel.WARNING)
        analysis_id = await value(cluster, "SELECT id FROM fraud_analyses")
        assert isinstance(analysis_id, UUID)
        for level in (AlertLevel.WARNING, AlertLevel.DANGER):
            async with database.tenant(home.tenant_id) as session:
                await request_alerts(session, home.tenant_id, call_id, analysis_id, level, CAPS)

    assert await levels(cluster, "failed") == {"warning": 1, "danger": 1}
    assert [(entry["event"], entry["log_level"]) for entry in logged] == [
        ("notice", "warning"),
        ("alert_reaches_nobody", "error"),
        ("alert_reaches_nobody", "error"),
    ]
    assert "Margaret" not in str(logged)
    assert "+1202" not in str(logged)
    async with database.tenant(home.tenant_id) as session:
        await session.run("answers.call_is_safe", call_id)
        await request_alerts(session, home.tenant_id, call_id, analysis_id, AlertLevel.DANGER, CAPS)
    assert await value(cluster, "SELECT count(*) FROM alerts") == 2


async def test_who_was_held_back_is_told_when_the_reason_is_gone(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database, 1)
    await rows(cluster, "UPDATE emergency_contacts SET quiet_from = '00:00', quiet_until = '23:59:59.999'")
    call_id = await alarm(database, home, 1, AlertLevel.WARNING)
    assert await value(cluster, "SELECT error_code FROM alerts") == "quiet_hours"
    assert await levels(cluster, "failed") == {}

    await rows(cluster, "UPDATE emergency_contacts SET quiet_from = NULL, quiet_until = NULL")
    analysis_id = await value(cluster, "SELECT id FROM fraud_analyses")
    assert isinstance(analysis_id, UUID)
    for _ in range(2):
        async with database.tenant(home.tenant_id) as session:
            await request_alerts(session, home.tenant_id, call_id, analysis_id, AlertLevel.WARNING, Caps())
    assert await levels(cluster, "pending") == {"warning": 1}
    assert await value(cluster, "SELECT count(*) FROM alerts") == 1


async def test_nobody_is_rung_again_and_again_for_messages_that_arrived(
    database: Database, cluster: Cluster
) -> None:
    """Each call's danger is one message; the spoken calls after it are what could become a storm."""
    home = await household(database, 1)
    telephony = TwilioTelephony(account_sid="AC" + "0" * 32, auth_token="x", base_url="http://127.0.0.1:9")
    outbox = Outbox(
        database,
        telephony,
        AlertSpeech("https://calls.example.org"),
        Letters(AlertLinks(b"k" * 32, "https://calls.example.org")),
        Destinations(()),
        sender=None,
        answer_seconds=60,
    )
    calls = MOST_RINGS_AN_HOUR + 2
    for number in range(1, calls + 1):
        call_id = await alarm(database, home, number, AlertLevel.DANGER)
        # The last one's message did not arrive: its call is the only sign of it.
        status = "undelivered" if number == calls else "delivered"
        await rows(cluster, "UPDATE alerts SET status = $2 WHERE call_id = $1", call_id, status)
        async with database.tenant(home.tenant_id) as session:
            (alert,) = await session.rows("alerts.of_calls", home.tenant_id, [call_id])
            await queue.add(
                session, home.tenant_id, ESCALATE, subject=alert["id"], call_id=call_id, urgency=1
            )
        (work,) = await queue.claim(database, [ESCALATE], 1)
        await outbox.escalate(work)
    await telephony.close()

    rung = await rows(
        cluster,
        "SELECT c.call_sid FROM alerts a JOIN active_calls c ON c.id = a.call_id WHERE alert_type = 'call'",
    )
    expected = [call_sid(number) for number in (*range(1, MOST_RINGS_AN_HOUR + 1), calls)]
    assert sorted(row["call_sid"] for row in rung) == expected
