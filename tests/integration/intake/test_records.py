"""Facts into Postgres: each has its effect once, however often and in whichever order it is told."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.call import UNANSWERED, conference_name
from callguard.domain.facts import AnyFact, ConferenceChanged, LegAnsweredBy, LegChanged, TranscriptionChanged
from callguard.domain.policy import Consent
from callguard.errors import CallUnknown, NumberUnknown
from callguard.intake import records
from callguard.intake.asking import DIAL
from callguard.intake.records import ANALYSE, TELL_UNREACHABLE, Arrival
from callguard.intake.routes import Route
from callguard.local.postgres import Cluster
from tests.integration.population import (
    CALLER,
    Household,
    arrival,
    call_sid,
    household,
    leg,
    rows,
    value,
    words,
)

END = (
    leg(1, "completed", own=True),
    ConferenceChanged(call_sid=call_sid(1), event="conference-end", label=None),
)


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


async def tell(database: Database, *facts: AnyFact) -> None:
    for fact in facts:
        await records.record(database, fact)


async def state(cluster: Cluster) -> list[list[Any]]:
    """Everything that facts can change, without ids and times."""
    queries = (
        "SELECT call_sid, caller_number, attestation, announced, status, connected_at IS NULL, "
        "transcription_state, keywords, ended_at IS NULL FROM active_calls ORDER BY call_sid",
        "SELECT role, call_sid, status FROM call_legs ORDER BY call_id",
        "SELECT transcription_sid, sequence_number, speaker, text FROM transcription_events ORDER BY 1, 2",
        "SELECT kind, state, attempts FROM work ORDER BY 1, 2",
    )
    return [[tuple(row) for row in await rows(cluster, query)] for query in queries]


async def asked(cluster: Cluster, kind: str) -> object:
    return await value(cluster, "SELECT count(*) FROM work WHERE kind = $1", kind)


async def test_a_call_is_stored_with_the_work_of_dialling_the_person(
    cluster: Cluster, database: Database, home: Household
) -> None:
    fact = arrival(home, 1)
    arrived = await records.arrive(database, fact)
    [call] = await rows(cluster, "SELECT * FROM active_calls")
    route = Route(home.twilio_number, home.user_id, home.phone_number, language="en", announce=True)
    hints = ("arrest warrant", "gift card", "irs", "sue")
    assert arrived == Arrival(route, call["conference_name"], Consent.SPOKEN, looping=False, hints=hints)
    assert call["conference_name"] == conference_name(home.user_id, fact.arrived_at, call_sid(1))
    assert (call["tenant_id"], call["user_id"]) == (home.tenant_id, home.user_id)
    assert (call["caller_number"], call["called_number"]) == (CALLER, home.twilio_number)
    assert (call["attestation"], call["status"], call["announced"]) == ("A", "active", True)
    [work] = await queue.claim(database, [DIAL], 10)
    assert (work.call_id, work.subject) == (call["id"], call["id"])
    assert work.payload == {"raw_from": CALLER, "call_token": "token"}


async def test_a_number_of_nobody_is_refused(cluster: Cluster, database: Database, home: Household) -> None:
    stray = replace(home, twilio_number="+12025550199")
    with pytest.raises(NumberUnknown):
        await records.arrive(database, arrival(stray, 1))
    with pytest.raises(NumberUnknown):
        await records.record(database, arrival(stray, 1))
    assert await value(cluster, "SELECT count(*) FROM active_calls") == 0


def facts(number: int) -> list[AnyFact]:
    """One of each kind, of call `number`."""
    sid = call_sid(number)
    return [
        words(number, 1, "I sue you."),
        TranscriptionChanged(call_sid=sid, state="started"),
        leg(number, "in-progress"),
        leg(number, "busy"),
        ConferenceChanged(call_sid=sid, event="participant-join", label="person"),
        leg(number, "completed", own=True),
        ConferenceChanged(call_sid=sid, event="conference-end", label=None),
    ]


@pytest.mark.promise("F5")
async def test_a_fact_told_ten_times_at_once_has_one_effect(
    cluster: Cluster, database: Database, home: Household
) -> None:
    for number in range(len(facts(0))):
        fact = facts(number)[number]
        await tell(database, arrival(home, number, caller="withheld"), words(number, 0, "The IRS."))
        await rows(cluster, "UPDATE work SET state = 'done'")
        before = await state(cluster)
        await tell(database, fact)
        once = await state(cluster)
        assert once != before, fact
        await asyncio.gather(*(records.record(database, fact) for _ in range(10)))
        assert await state(cluster) == once, fact


@pytest.mark.promise("F5")
async def test_a_call_that_arrives_ten_times_at_once_arrives_once(
    cluster: Cluster, database: Database, home: Household
) -> None:
    fact = arrival(home, 1)
    arrivals = await asyncio.gather(*(records.arrive(database, fact) for _ in range(10)))
    assert len(set(arrivals)) == 1
    assert not arrivals[0].looping
    assert await value(cluster, "SELECT count(*) FROM active_calls") == 1
    assert await asked(cluster, DIAL) == 1


async def test_a_repeated_arrival_names_the_first_ones_conference(
    database: Database, home: Household
) -> None:
    fact = arrival(home, 1)
    first = await records.arrive(database, fact)
    later = msgspec.structs.replace(fact, arrived_at=fact.arrived_at + timedelta(seconds=3))
    assert await records.arrive(database, later) == first


@pytest.mark.promise("F6")
async def test_an_answered_legs_statuses_end_the_same_in_any_order(
    cluster: Cluster, database: Database, home: Household
) -> None:
    orders = list(itertools.permutations(("initiated", "ringing", "in-progress", "completed")))
    for number, order in enumerate(orders):
        await tell(
            database, arrival(home, number, caller="withheld"), *(leg(number, status) for status in order)
        )
    ended = await rows(
        cluster,
        "SELECT l.status, c.connected_at IS NOT NULL "
        "FROM active_calls c JOIN call_legs l ON l.call_id = c.id",
    )
    assert [tuple(row) for row in ended] == [("completed", True)] * len(orders)
    assert await asked(cluster, TELL_UNREACHABLE) == 0


@pytest.mark.promise("F6")
async def test_an_unanswered_legs_statuses_end_the_same_in_any_order(
    cluster: Cluster, database: Database, home: Household
) -> None:
    orders = [
        order for end in sorted(UNANSWERED) for order in itertools.permutations(("initiated", "ringing", end))
    ]
    for number, order in enumerate(orders):
        await tell(database, arrival(home, number, caller="withheld"))
        await rows(cluster, "UPDATE work SET state = 'done'")
        await tell(database, *(leg(number, status) for status in order))
    ended = await rows(
        cluster,
        "SELECT l.status, c.connected_at, count(w.id) "
        "FROM active_calls c JOIN call_legs l ON l.call_id = c.id "
        "LEFT JOIN work w ON w.call_id = c.id AND w.kind = $1 "
        "GROUP BY c.id, l.id ORDER BY c.call_sid",
        DIAL,
    )
    told = [next(status for status in order if status in UNANSWERED) for order in orders]
    # The dialling that the arrival asked for, and the one for the next way.
    assert [tuple(row) for row in ended] == [(status, None, 2) for status in told]


async def test_a_legs_statuses_and_the_machine_on_it_end_the_same_in_any_order(
    cluster: Cluster, database: Database, home: Household
) -> None:
    sids = [call_sid(number) for number in range(24)]
    for number, order in enumerate(
        itertools.permutations(("ringing", "in-progress", "completed", "machine"))
    ):
        await tell(database, arrival(home, number, caller="withheld"), leg(number, "initiated"))
        machine = LegAnsweredBy(
            call_sid=call_sid(number), leg_sid=str(leg(number, "").leg_sid), answered_by="machine_start"
        )
        told = (machine if status == "machine" else leg(number, status) for status in order)
        await tell(database, *told)
    ended = await rows(
        cluster,
        "SELECT l.status, l.given_up, c.connected_at "
        "FROM active_calls c JOIN call_legs l ON l.call_id = c.id WHERE c.call_sid = ANY ($1)",
        sids,
    )
    assert [tuple(row) for row in ended] == [("completed", "machine", None)] * len(sids)


@pytest.mark.parametrize("answered_by", ["human", "unknown"])
async def test_a_person_who_answered_stays_on_the_line(
    cluster: Cluster, database: Database, home: Household, answered_by: str
) -> None:
    await tell(database, arrival(home, 1), leg(1, "in-progress"))
    before = await state(cluster)
    leg_sid = str(leg(1, "").leg_sid)
    await tell(database, LegAnsweredBy(call_sid=call_sid(1), leg_sid=leg_sid, answered_by=answered_by))
    assert await state(cluster) == before


async def test_a_status_may_come_before_the_legs_own_sid_is_known(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await tell(database, arrival(home, 1), leg(1, "ringing"))
    call_id = await value(cluster, "SELECT id FROM active_calls")
    sid = leg(1, "ringing").leg_sid
    async with database.tenant(home.tenant_id) as session:
        assert await session.run("calls.leg_dialled", call_id, sid, True, None) == 1
    [row] = await rows(cluster, "SELECT call_sid, status, used_call_token FROM call_legs")
    assert tuple(row) == (sid, "ringing", True)


async def test_a_fact_is_known_by_the_sid_of_the_persons_leg_too(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await tell(database, arrival(home, 1), leg(1, "ringing"))
    person_sid = leg(1, "ringing").leg_sid
    assert person_sid is not None
    await tell(database, msgspec.structs.replace(words(1, 1, "Hello."), call_sid=person_sid))
    assert await value(cluster, "SELECT text FROM transcription_events") == "Hello."


STATES = (
    (["started", "stopped"], "stopped"),
    (["stopped", "started"], "stopped"),
    (["failed", "started", "stopped"], "failed"),
    (["started", "failed"], "failed"),
    (["started", "started"], "started"),
)


@pytest.mark.promise("F6")
async def test_the_transcriptions_state_moves_forward_only(
    cluster: Cluster, database: Database, home: Household
) -> None:
    for number, (told, final) in enumerate(STATES):
        await tell(database, arrival(home, number, caller="withheld"))
        await tell(database, *(TranscriptionChanged(call_sid=call_sid(number), state=each) for each in told))
        reached = "SELECT transcription_state FROM active_calls WHERE call_sid = $1"
        assert await value(cluster, reached, call_sid(number)) == final, told


@pytest.mark.parametrize("told", [END, END[::-1], END * 2])
async def test_the_end_told_twice_asks_for_one_last_analysis(
    cluster: Cluster, database: Database, home: Household, told: tuple[AnyFact, ...]
) -> None:
    await tell(database, arrival(home, 1), words(1, 1, "I sue you."))
    await rows(cluster, "UPDATE work SET state = 'done'")
    await tell(database, told[0])
    ended_at = await value(cluster, "SELECT ended_at FROM active_calls WHERE status = 'ended'")
    assert ended_at is not None
    assert [w.kind for w in await queue.claim(database, [ANALYSE, DIAL], 10)] == [ANALYSE]
    await tell(database, *told[1:])
    assert await queue.claim(database, [ANALYSE], 10) == []
    assert await asked(cluster, ANALYSE) == 2
    assert await value(cluster, "SELECT ended_at FROM active_calls") == ended_at


async def test_the_end_of_a_call_without_a_keyword_wakes_nobody(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await tell(database, arrival(home, 1), words(1, 1, "Lovely weather."), *END)
    assert await value(cluster, "SELECT status FROM active_calls") == "ended"
    assert await asked(cluster, ANALYSE) == 0


@pytest.mark.promise("F6")
async def test_words_after_the_end_are_stored_and_analysed(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await tell(database, arrival(home, 1), *END, words(1, 1, "I sue you."))
    assert await value(cluster, "SELECT text FROM transcription_events") == "I sue you."
    assert await asked(cluster, ANALYSE) == 1


async def test_others_who_join_or_leave_change_nothing(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await tell(database, arrival(home, 1))
    before = await state(cluster)
    for event, label in (
        ("participant-join", "caller"),
        ("participant-leave", "person"),
        ("conference-start", None),
        ("a-new-event", "person"),
    ):
        await tell(database, ConferenceChanged(call_sid=call_sid(1), event=event, label=label))
    await tell(database, LegChanged(call_sid=call_sid(1), leg_sid=None, status="in-progress"))
    assert await state(cluster) == before


@pytest.mark.parametrize("fact", [words(9, 1, "Hello."), leg(9, "ringing"), leg(9, "completed", own=True)])
async def test_a_fact_of_a_call_that_is_not_stored_is_told_as_such(
    database: Database, home: Household, fact: AnyFact
) -> None:
    await tell(database, arrival(home, 1))
    with pytest.raises(CallUnknown):
        await records.record(database, fact)


async def test_the_same_caller_still_waiting_is_a_forwarding_loop(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await records.arrive(database, arrival(home, 1))
    again = await records.arrive(database, arrival(home, 2))
    assert again.looping
    assert await value(cluster, "SELECT array_agg(call_sid) FROM active_calls") == [call_sid(1)]
    assert await asked(cluster, DIAL) == 1


async def test_what_is_no_forwarding_loop(database: Database, home: Household) -> None:
    async def loops(number: int, **how: Any) -> bool:
        return (await records.arrive(database, arrival(home, number, **how))).looping

    assert not await loops(1, caller="withheld")
    assert not await loops(2, caller="withheld"), "two callers without a number"
    assert not await loops(3)
    assert not await loops(4, caller="+12025550191"), "another caller"
    other = await household(database, 2)
    assert not (await records.arrive(database, arrival(other, 5))).looping, "another person"
    assert not await loops(6, dialled_directly=True), "a call that was connected without us"
    await tell(database, leg(3, "in-progress"), leg(6, "completed", own=True))
    assert not await loops(7), "the person talks with them, and the other call is over"


async def test_an_old_call_that_was_never_answered_is_no_loop(database: Database, home: Household) -> None:
    old = msgspec.structs.replace(arrival(home, 1), arrived_at=datetime.now(UTC) - timedelta(seconds=31))
    await records.arrive(database, old)
    assert not (await records.arrive(database, arrival(home, 2))).looping


async def test_a_call_dialled_directly_is_stored_without_dialling_it_again(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await tell(database, arrival(home, 1, dialled_directly=True))
    [call] = await rows(cluster, "SELECT announced, status FROM active_calls")
    assert tuple(call) == (False, "active")
    assert await asked(cluster, DIAL) == 0
    assert await value(cluster, "SELECT count(*) FROM call_legs") == 0


async def test_a_directly_dialled_call_takes_back_the_dialling_that_waits(
    cluster: Cluster, database: Database, home: Household
) -> None:
    fact = arrival(home, 1)
    await tell(database, fact)
    assert await asked(cluster, DIAL) == 1
    await tell(database, msgspec.structs.replace(fact, dialled_directly=True, call_token=None))
    assert await asked(cluster, DIAL) == 0
    assert await value(cluster, "SELECT count(*) FROM active_calls") == 1
