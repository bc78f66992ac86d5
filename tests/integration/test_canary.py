"""The canary: a call to oneself that proves each link, and names the one that is broken."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest

from callguard.canary import runs
from callguard.canary.caller import CANARY_DUE, Canary, Numbers
from callguard.canary.runs import RunReport
from callguard.canary.speech import CanarySpeech
from callguard.config import Settings
from callguard.dashboard.source import DatabaseSnapshots
from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.canary import Stage as Link
from callguard.domain.canary import excuse
from callguard.domain.transcript import Speaker
from callguard.errors import CanaryRefused
from callguard.intake.twiml import Twiml
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from callguard.local.twilio import Handset, OnCall, OnSms
from callguard.telephony.port import Telephony
from callguard.trust.passes import PassIssuer
from tests.integration.canary_bench import CANARY_NUMBER, HOME, SPEED, ask, at_home, canary_stage, ended
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import SECOND, ways, wish
from tests.integration.population import Household, arrival, household, rows, value

# Where it is day just now, and where it is night.
BY_DAY = f"Etc/GMT{(datetime.now(UTC).hour - 13 + 11) % 24 - 11:+}"
BY_NIGHT = f"Etc/GMT{(datetime.now(UTC).hour - 2 + 11) % 24 - 11:+}"


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[Stage]:
    async with canary_stage(settings) as stage:
        yield stage


def called(stage: Stage) -> list[tuple[str, str]]:
    """Which numbers the canary rang, and for how many seconds at the most."""
    return [
        (request.params["To"][0], request.params["Timeout"][0])
        for request in stage.stand_in.requests
        if request.path.endswith("/Calls.json") and request.method == "POST"
    ]


async def test_forwarding_and_every_link_after_it_are_proven(house: Stage, cluster: Cluster) -> None:
    await ways(cluster, ("second_number", SECOND))
    await wish(cluster, f"time_zone = '{BY_DAY}'")
    at_home(house, OnCall.FORWARDS_BACK)
    report = await ended(house, await ask(house))

    assert (report.state, report.forwarding, report.failed) == ("passed", "proven", None)
    seconds = [stage.seconds for stage in report.stages]
    assert None not in seconds
    assert seconds == sorted(cast("list[float]", seconds))
    assert called(house) == [(HOME, "10")]
    [message] = house.stand_in.messages
    assert message.to_number == CANARY_NUMBER
    assert "TEST" in message.body
    assert "Margaret" in message.body
    # The person was rung for nobody, no alarm was raised, and nothing of it counts as a call.
    assert [r for r in house.stand_in.requests if r.path.endswith("/Participants.json")] == []
    assert await value(cluster, "SELECT count(*) FROM alerts") == 0
    assert await value(cluster, "SELECT count(*) FROM operator_notices") == 0
    snapshot = await DatabaseSnapshots(house.database)()
    assert snapshot.calls == ()
    [protection] = snapshot.protections
    assert protection.proven_at == report.finished_at
    assert protection.newest == report


@pytest.mark.parametrize(
    ("way", "zone"), [(("same_number", None), BY_DAY), (("second_number", SECOND), BY_NIGHT)]
)
async def test_where_a_phone_would_ring_or_by_night_the_number_itself_is_called(
    house: Stage, cluster: Cluster, way: tuple[str, str | None], zone: str
) -> None:
    await ways(cluster, way)
    await wish(cluster, f"time_zone = '{zone}'")
    await rows(cluster, "UPDATE emergency_contacts SET wants_canary = true WHERE name = 'Ben'")
    report = await ended(house, await ask(house))
    assert (report.state, report.forwarding) == ("passed", "not_tested")
    assert [to for to, _ in called(house)] == [DEMO_FAMILY.twilio_number]
    assert [message.to_number for message in house.stand_in.messages] == ["+12025550121"]


async def test_a_phone_that_is_picked_up_says_what_it_was_and_protection_is_off(
    house: Stage, cluster: Cluster
) -> None:
    await ways(cluster, ("second_number", SECOND))
    await wish(cluster, f"time_zone = '{BY_DAY}'")
    at_home(house, OnCall.ANSWERS)
    report = await ended(house, await ask(house))
    assert (report.state, report.forwarding, report.error_code) == ("failed", "not_proven", "answered")
    assert report.failed == "protection is off: forwarding"
    assert [row["kind"] for row in await rows(cluster, "SELECT kind FROM operator_notices")] == [
        "protection_off"
    ]
    assert house.stand_in.messages == ()


async def overdue(cluster: Cluster, reached: Link) -> None:
    """Everything happened a long time ago, once the run has come so far."""

    async def column() -> object:
        return await value(cluster, f"SELECT {reached}_at FROM canary_runs")

    await eventually(column, lambda moment: moment is not None)
    await rows(
        cluster,
        "UPDATE canary_runs SET "
        + ", ".join(f"{c} = {c} - interval '1 hour'" for c in ("created_at", *(f"{s}_at" for s in Link))),
    )
    await rows(cluster, "UPDATE work SET run_after = clock_timestamp() WHERE kind = 'canary_watch'")


@pytest.mark.parametrize("slow", [False, True])
async def test_a_phone_that_rings_is_let_go_and_forwarding_named(
    settings: Settings, cluster: Cluster, slow: bool
) -> None:
    async with canary_stage(settings, speed=1.0 if slow else SPEED) as house:
        await ways(cluster, ("second_number", SECOND))
        await wish(cluster, f"time_zone = '{BY_DAY}'")
        at_home(house, OnCall.NO_ANSWER)
        run_id = await ask(house)
        if slow:
            await overdue(cluster, Link.CALLED)
        report = await ended(house, run_id)
        assert (report.failed_stage, report.forwarding) == (Link.ARRIVED, "not_proven")
        assert report.error_code == (None if slow else "no-answer")
        ended_by_us = [r for r in house.stand_in.requests if r.params.get("Status") == ("completed",)]
        assert len(ended_by_us) == slow


async def test_words_that_do_not_come_are_named_as_transcription(house: Stage, cluster: Cluster) -> None:
    await rows(cluster, "REVOKE INSERT ON transcription_events FROM callguard_app")
    run_id = await ask(house)
    await overdue(cluster, Link.ARRIVED)
    report = await ended(house, run_id)
    assert (report.failed_stage, report.error_code) == (Link.TRANSCRIBED, None)
    assert report.failed == "protection is off: transcription"
    assert await value(cluster, "SELECT status FROM active_calls") == "ended"


async def test_words_that_wake_nobody_are_named_as_the_trigger(house: Stage, cluster: Cluster) -> None:
    await rows(cluster, "ALTER TABLE transcription_events DISABLE TRIGGER transcript_keyword_monitor")
    run_id = await ask(house)

    async def heard() -> object:
        return await value(cluster, "SELECT count(*) FROM transcription_events")

    await eventually(heard, bool)
    await rows(cluster, "UPDATE transcription_events SET created_at = created_at - interval '1 hour'")
    await overdue(cluster, Link.ARRIVED)
    assert (await ended(house, run_id)).failed_stage == Link.TRIGGERED


async def test_a_message_whose_delivery_nobody_told_of_is_asked_about(house: Stage, cluster: Cluster) -> None:
    run_id = await ask(house)
    await ended(house, run_id)
    await rows(
        cluster,
        "UPDATE canary_runs SET state = 'running', delivered_at = NULL, finished_at = NULL, "
        "created_at = created_at - interval '1 hour', texted_at = texted_at - interval '1 hour', "
        "called_at = called_at - interval '1 hour', arrived_at = arrived_at - interval '1 hour'",
    )
    for stage in (Link.TRANSCRIBED, Link.TRIGGERED, Link.JUDGED):
        await rows(cluster, f"UPDATE canary_runs SET {stage}_at = created_at")
    await rows(
        cluster,
        "INSERT INTO work (tenant_id, kind, subject) SELECT tenant_id, 'canary_watch', id FROM canary_runs "
        "ON CONFLICT (tenant_id, kind, subject) WHERE state = 'pending' "
        "DO UPDATE SET run_after = clock_timestamp()",
    )
    assert (await ended(house, run_id)).state == "passed"
    assert len(house.stand_in.messages) == 1


async def test_a_message_that_does_not_arrive_is_named(house: Stage) -> None:
    house.stand_in.phone_book.put(
        Handset(CANARY_NUMBER, on_call=OnCall.NO_ANSWER, on_sms=OnSms.undelivered(30007))
    )
    report = await ended(house, await ask(house))
    assert (report.failed_stage, report.error_code) == (Link.DELIVERED, "30007")


async def test_a_message_and_a_call_that_twilio_refuses_are_named(house: Stage) -> None:
    house.stand_in.faults.refuse("POST", r"/Messages\.json$", status=400, code=21610)
    report = await ended(house, await ask(house))
    assert (report.failed_stage, report.error_code) == (Link.TEXTED, "21610")
    house.stand_in.faults.refuse("POST", r"/Calls\.json$", status=400, code=21215)
    report = await ended(house, await ask(house))
    assert (report.failed_stage, report.error_code) == (Link.CALLED, "21215")


async def test_lost_replies_call_once_and_write_once(house: Stage) -> None:
    house.stand_in.faults.lose_reply("POST", r"/Calls\.json$")
    house.stand_in.faults.lose_reply("POST", r"/Messages\.json$")
    assert (await ended(house, await ask(house))).state == "passed"
    assert (len(called(house)), len(house.stand_in.messages)) == (1, 1)


async def test_who_calls_from_the_canarys_number_without_a_run_is_a_caller_like_any_other(
    house: Stage, cluster: Cluster
) -> None:
    said = house.simulator.dialogue([(Speaker.CALLEE, "hello")], "en", stepwise=False)
    report = await house.simulator.place("call", said, Ring(CANARY_NUMBER, "A"))
    assert report.transcript == "callee: hello"
    assert await value(cluster, "SELECT decision_reason FROM active_calls") == "unknown"


async def test_without_a_number_to_call_from_the_run_says_so(settings: Settings) -> None:
    async with canary_stage(settings, canary_number=None) as stage:
        report = await ended(stage, await ask(stage))
    assert (report.failed_stage, report.error_code) == (Link.CALLED, "NO_CANARY_NUMBER")


def canary_on(database: Database) -> Canary:
    """One that reaches no telephone."""
    twiml = Twiml("https://calls.example.org", PassIssuer(b"k" * 32), {})
    speech = CanarySpeech("https://calls.example.org", twiml)
    return Canary(database, cast("Telephony", None), speech, Numbers(CANARY_NUMBER, None, None), 1.0)


async def run_of(database: Database, home: Household) -> RunReport | None:
    async with database.tenant(home.tenant_id) as session:
        run_id = await session.value("canary.under_way", home.user_id)
        return await runs.report(session, run_id) if run_id else None


async def due(database: Database, cluster: Cluster, home: Household) -> None:
    """The hour has come."""
    canary = canary_on(database)
    await rows(cluster, "UPDATE work SET run_after = clock_timestamp() WHERE kind = $1", CANARY_DUE)
    [work] = await queue.claim(database, [CANARY_DUE], 5)
    assert work.subject == home.user_id
    await canary.due(work)


async def test_the_daily_one_waits_for_its_hour_and_is_asked_for_once(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)
    canary = canary_on(database)
    await canary.schedule()
    assert await value(cluster, "SELECT count(*) FROM work") == 0, "only who opted in has one"
    await rows(cluster, "UPDATE users SET canary = true, canary_at = '15:00', time_zone = 'Europe/Berlin'")
    await canary.schedule()
    [waiting] = await rows(
        cluster,
        "SELECT run_after > clock_timestamp() AS later, "
        "(run_after AT TIME ZONE 'Europe/Berlin')::time::text AS at FROM work",
    )
    assert waiting["later"]
    assert "15:00" <= waiting["at"] < "15:30"
    await rows(cluster, "UPDATE users SET canary_at = '16:00'")
    await canary.schedule()
    [moved] = await rows(
        cluster, "SELECT (run_after AT TIME ZONE 'Europe/Berlin')::time::text AS at FROM work"
    )
    assert "16:00" <= moved["at"] < "16:30"
    await due(database, cluster, home)
    report = await run_of(database, home)
    assert report is not None
    assert report.state == "running"


@pytest.mark.parametrize(
    "change",
    [
        "paused_until = now() + interval '1 hour'",
        "quiet_from = '00:00', quiet_until = '23:59:59.999'",
        "canary = false",
    ],
)
async def test_the_daily_one_is_not_placed_while_it_is_not_wanted(
    database: Database, cluster: Cluster, change: str
) -> None:
    home = await household(database)
    await rows(cluster, "UPDATE users SET canary = true")
    for _ in range(2):
        await canary_on(database).schedule()
    await rows(cluster, f"UPDATE users SET {change}")
    await due(database, cluster, home)
    assert await run_of(database, home) is None


async def test_who_no_longer_wants_it_has_none_waiting(database: Database, cluster: Cluster) -> None:
    await household(database)
    for wanted, waiting in ((True, 1), (False, 0)):
        await rows(cluster, "UPDATE users SET canary = $1", wanted)
        await canary_on(database).schedule()
        assert await value(cluster, "SELECT count(*) FROM work") == waiting


async def test_what_is_paused_or_was_tested_too_often_is_refused(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)

    async def once() -> UUID:
        async with database.tenant(home.tenant_id) as session:
            [person] = await runs.people(session)
            return await runs.request(session, home.tenant_id, person, "api")

    first = await once()
    assert await once() == first, "one at a time: the second who asks looks at the same run"
    for _ in range(5):
        await rows(cluster, "UPDATE canary_runs SET state = 'passed'")
        await once()
    await rows(cluster, "UPDATE canary_runs SET state = 'passed'")
    with pytest.raises(CanaryRefused, match="RATE_LIMIT_EXCEEDED"):
        await once()
    await rows(cluster, "UPDATE users SET paused_until = now() + interval '1 hour'")
    with pytest.raises(CanaryRefused, match="PROTECTION_PAUSED"):
        await once()


async def test_the_canarys_call_rings_nobody_while_the_database_is_away(
    database: Database,
) -> None:
    home = await household(database)
    away = Database("postgresql://nobody@127.0.0.1:1/none", size=2)
    own = arrival(home, 1, caller=CANARY_NUMBER)
    assert "<Reject" in str(await canary_on(away).arrive(own))
    assert await canary_on(away).arrive(arrival(home, 1)) is None
    assert await canary_on(database).arrive(own) is None, "no run waits for it"


def test_the_excuse_is_told_in_every_language() -> None:
    assert len({excuse(language) for language in ("en", "es", "fr", "de", "pt")}) == 5
