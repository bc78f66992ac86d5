"""F6: whatever the order in which a call is told, and however often, it ends as the same call."""

import itertools
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from callguard.db.pool import Database
from callguard.domain.facts import (
    AnyFact,
    ConferenceChanged,
    LegAnsweredBy,
    TranscriptionChanged,
)
from callguard.domain.ladder import AskedBy, Step, StepState
from callguard.intake import records
from callguard.local.postgres import Cluster
from tests.integration.population import Household, call_sid, household, leg, open_call, rows, words

LEG = str(leg(0, "").leg_sid)


def conference(event: str, label: str | None = None) -> ConferenceChanged:
    return ConferenceChanged(call_sid=call_sid(0), event=event, label=label, leg_sid=LEG if label else None)


def of_contact(event: str) -> Callable[[UUID], AnyFact]:
    return lambda contact_id: conference(event, f"contact-{contact_id}")


# Everything that is told of one call, from its first ring to its end.
TOLD: list[AnyFact | Callable[[UUID], AnyFact]] = [
    *(leg(0, status) for status in ("initiated", "ringing", "in-progress", "completed")),
    LegAnsweredBy(call_sid=call_sid(0), leg_sid=LEG, answered_by="human"),
    leg(0, "completed", own=True),
    conference("participant-join", "caller"),
    conference("participant-join", "person"),
    conference("conference-start"),
    conference("participant-leave", "person"),
    conference("conference-end"),
    of_contact("participant-join"),
    of_contact("participant-leave"),
    *(TranscriptionChanged(call_sid=call_sid(0), state=state) for state in ("started", "stopped")),
    words(0, 1, "There is an arrest"),
    words(0, 2, "warrant", final=False),
    words(0, 3, "warrant for you."),
    words(0, 4, "Oh no", caller=False),
]
OUTCOME = """
    SELECT c.status, c.connected_at IS NOT NULL, c.ended_at IS NOT NULL, c.transcription_state, c.keywords,
           l.status, s.state,
           (SELECT count(*) FROM transcription_events e WHERE e.call_id = c.id),
           (SELECT count(*) FROM work w WHERE w.call_id = c.id AND w.kind = 'analyse'),
           (SELECT count(*) FROM work w WHERE w.call_id = c.id AND w.kind = 'look_after')
    FROM active_calls c JOIN call_legs l ON l.call_id = c.id JOIN call_steps s ON s.call_id = c.id
    WHERE c.id = $1"""


@pytest.fixture
async def fresh_calls(database: Database) -> Callable[[], Awaitable[tuple[Household, UUID, int]]]:
    """Each time another call of the same household, into which a contact is being brought."""
    home = await household(database)
    numbers = itertools.count(1)

    async def fresh() -> tuple[Household, UUID, int]:
        number = next(numbers)
        call_id = await open_call(database, home, number)
        async with database.tenant(home.tenant_id) as session:
            await session.value(
                "ladder.ask",
                home.tenant_id,
                call_id,
                Step.BRING_IN,
                None,
                AskedBy.POLICY,
                home.contact_id,
                None,
                StepState.TAKEN,
            )
        return home, call_id, number

    return fresh


def of_call(fact: AnyFact, number: int) -> AnyFact:
    """The same of call `number`."""
    changes: dict[str, object] = {"call_sid": call_sid(number)}
    if getattr(fact, "leg_sid", None) is not None:
        changes["leg_sid"] = leg(number, "").leg_sid
    if getattr(fact, "transcription_sid", None) is not None:
        changes["transcription_sid"] = f"GT{number:032x}"
    return msgspec.structs.replace(fact, **changes)


@pytest.mark.promise("F6")
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(TOLD))), again=st.lists(st.integers(0, len(TOLD) - 1), max_size=8))
async def test_f6_a_call_told_in_any_order_and_repeatedly_ends_alike(
    cluster: Cluster,
    database: Database,
    fresh_calls: Callable[[], Awaitable[tuple[Household, UUID, int]]],
    order: list[int],
    again: list[int],
) -> None:
    home, call_id, number = await fresh_calls()
    for at in (*order, *again):
        told = TOLD[at]
        fact = told(home.contact_id) if callable(told) else told
        await records.record(database, of_call(fact, number))
    (outcome,) = await rows(cluster, OUTCOME, call_id)
    assert tuple(outcome) == (
        "ended",
        True,
        True,
        "stopped",
        ["arrest warrant"],
        "completed",
        "undone",
        4,
        1,
        0,
    )
