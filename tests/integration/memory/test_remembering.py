"""Callers are known again, by number and by script, by the people of their tenant alone."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.feedback import Answer
from callguard.domain.signals import AttestationLevel, CallerHistory, NotAvailable, SignalState
from callguard.intake import records
from callguard.local.postgres import Cluster
from callguard.memory import feedback
from callguard.memory.book import Memory, Rememberer
from callguard.memory.feedback import REMEMBER
from callguard.transcript import store
from tests.integration.population import (
    Household,
    arrival,
    call_sid,
    hear,
    household,
    leg,
    rows,
    value,
    words,
)

SPAMMER, OTHER = "+12025550190", "+12025550191"
SCRIPT = (
    "hello margaret this is officer daniels from the social security administration there is a warrant "
    "for your arrest because your number was used in a crime",
    "if you do not want to be arrested you must buy gift cards today and read me the codes do not hang up "
    "and do not speak of this to anybody at the store or in your family",
)


@pytest.fixture
def memory() -> Memory:
    return Memory(b"m" * 32, is_on=True)


async def ring(
    database: Database, home: Household, number: int, caller: str, said: Sequence[str] = ()
) -> UUID:
    """Call `number` came and ended, and these words were spoken."""
    await records.arrive(database, arrival(home, number, caller=caller))
    async with database.tenant(home.tenant_id) as session:
        call_id: UUID = await session.value("calls.known", call_sid(number))
    for sequence, text in enumerate(said, 1):
        await hear(database, home, call_id, words(number, sequence, text))
    await records.record(database, leg(number, "completed", own=True))
    return call_id


async def judged(database: Database, home: Household, call_id: UUID, verdict: str) -> None:
    async with database.tenant(home.tenant_id) as session:
        told: list[object] = [[], "", {}, 90.0, True, verdict, None, "So.", [], {}, 1]
        await session.value("analyses.add", home.tenant_id, call_id, *told)
        await feedback.ask_to_remember(session, home.tenant_id, call_id)


async def said(database: Database, home: Household, call_id: UUID, answer: Answer) -> None:
    async with database.tenant(home.tenant_id) as session:
        given = await feedback.give(
            session, home.tenant_id, call_id, answer, "sms", "contact", contact_id=home.contact_id
        )
    assert given is not None


async def carry_out(database: Database, memory: Memory) -> None:
    """What waits to be remembered is."""
    for work in await queue.claim(database, [REMEMBER], 10):
        await Rememberer(database, memory).remember(work)


async def known(
    database: Database,
    memory: Memory,
    home: Household,
    call_id: UUID,
    level: AttestationLevel = AttestationLevel.A,
) -> CallerHistory:
    async with database.tenant(home.tenant_id) as session:
        call = await session.row("calls.for_analysis", call_id)
        assert call is not None
        heard = (await store.of_calls(session, home.tenant_id, [call_id])).get(call_id, ())
        found = await memory.history(session, home.tenant_id, call, heard, level)
    return found if isinstance(found, CallerHistory) else CallerHistory(0)


async def test_a_number_is_known_by_what_people_said_and_by_verdicts(
    database: Database, memory: Memory
) -> None:
    home = await household(database)
    first = await ring(database, home, 1, SPAMMER)
    await judged(database, home, first, "SCAM")
    await carry_out(database, memory)
    second = await ring(database, home, 2, SPAMMER)
    assert (await known(database, memory, home, second)).standing == 20
    await said(database, home, first, Answer.SCAM)
    await carry_out(database, memory)
    found = await known(database, memory, home, second, AttestationLevel.C)
    assert found == CallerHistory(
        70, ("A call from this number was reported as a fraud less than a day ago.",)
    )
    assert await known(database, memory, home, await ring(database, home, 3, OTHER)) == CallerHistory(0)
    assert await known(database, memory, home, first) == CallerHistory(0), "a call says nothing of itself"


async def test_marked_safe_twice_is_trusted_while_the_number_is_vouched_for(
    database: Database, memory: Memory
) -> None:
    home = await household(database)
    for number in (1, 2):
        call_id = await ring(database, home, number, SPAMMER)
        await judged(database, home, call_id, "SUSPECT")
        await said(database, home, call_id, Answer.NOT_SCAM)
    await carry_out(database, memory)
    third = await ring(database, home, 3, SPAMMER)
    assert (await known(database, memory, home, third)).standing == -100
    spoofed = await known(database, memory, home, third, AttestationLevel.FAILED)
    assert spoofed.standing == 0
    assert "nobody vouches" in spoofed.reasons[0]


async def test_a_relative_reported_this_number(database: Database, memory: Memory) -> None:
    home = await household(database)
    async with database.tenant(home.tenant_id) as session:
        user_id = await session.value(
            *("people.add_person", home.tenant_id, "h@example.com", "Harold", "+12025550118", "+12025550108"),
            *("de", True),
        )
    harold = Household(home.tenant_id, user_id, home.contact_id, "+12025550118", "+12025550108")
    await said(database, home, await ring(database, home, 1, SPAMMER), Answer.SCAM)
    await carry_out(database, memory)
    found = await known(database, memory, harold, await ring(database, harold, 2, SPAMMER))
    (told,) = found.reasons
    assert told == "Jemand anderes aus Ihrer Familie hat diese Nummer vor weniger als einem Tag gemeldet."


async def test_a_script_is_known_from_another_number_and_from_a_withheld_one(
    database: Database, memory: Memory
) -> None:
    home = await household(database)
    first = await ring(database, home, 1, "withheld", SCRIPT)
    await said(database, home, first, Answer.SCAM)
    await carry_out(database, memory)
    again = [text.replace("daniels", "brooks") for text in SCRIPT]
    for number, caller in ((2, SPAMMER), (3, "withheld")):
        found = await known(database, memory, home, await ring(database, home, number, caller, again))
        assert found.standing == 70
        assert found.reasons[0].startswith("The same words were heard")
    unlike = await ring(database, home, 4, "withheld", [" ".join(f"word{i}x" for i in range(60))])
    assert await known(database, memory, home, unlike) == CallerHistory(0), "withheld numbers are nobody's"


async def test_nothing_is_known_of_another_tenants_callers(
    database: Database, memory: Memory, cluster: Cluster
) -> None:
    home, neighbour = await household(database, 1), await household(database, 2)
    for number, here in ((1, home), (2, neighbour)):
        await said(database, here, await ring(database, here, number, SPAMMER, SCRIPT), Answer.SCAM)
        if here is home:
            await carry_out(database, memory)
            theirs = await ring(database, neighbour, 3, SPAMMER, SCRIPT)
            assert await known(database, memory, neighbour, theirs) == CallerHistory(0)
    await carry_out(database, memory)
    # Nor could who reads the tables link them: hashes and scripts differ.
    for column in ("number_hash", "script"):
        assert await value(cluster, f"SELECT count(DISTINCT {column}) FROM remembered_calls") == 2
    assert (
        await value(cluster, "SELECT max(count) FROM (SELECT count(*) FROM script_bands GROUP BY band)") == 1
    )


async def test_the_tables_tell_neither_number_nor_words(
    database: Database, memory: Memory, cluster: Cluster
) -> None:
    home = await household(database)
    await said(database, home, await ring(database, home, 1, SPAMMER, SCRIPT), Answer.SCAM)
    await carry_out(database, memory)
    kept = str(await rows(cluster, "SELECT m.*, b.* FROM remembered_calls m JOIN script_bands b ON true"))
    assert kept.count("Record") > 1
    digits = SPAMMER[1:].encode()
    assert not any(secret in kept for secret in (SPAMMER[1:], digits.hex(), "warrant", "gift", "Margaret"))


async def test_the_person_who_goes_takes_it_along_and_the_call_that_goes_does_not(
    database: Database, memory: Memory, cluster: Cluster
) -> None:
    home = await household(database)
    first = await ring(database, home, 1, SPAMMER, SCRIPT)
    await said(database, home, first, Answer.SCAM)
    await carry_out(database, memory)
    await rows(cluster, "DELETE FROM active_calls WHERE id = $1", first)
    assert (await known(database, memory, home, await ring(database, home, 2, SPAMMER))).standing == 70
    await rows(cluster, "DELETE FROM users WHERE id = $1", home.user_id)
    for table in ("remembered_calls", "script_bands", "feedback"):
        assert await value(cluster, f"SELECT count(*) FROM {table}") == 0


async def test_who_takes_their_word_back_is_believed_and_what_says_nothing_is_not_kept(
    database: Database, memory: Memory, cluster: Cluster
) -> None:
    home = await household(database)
    first = await ring(database, home, 1, SPAMMER)
    for answer, kept in ((Answer.SCAM, "scam"), (Answer.NOT_SCAM, "not_scam"), (Answer.UNSURE, None)):
        await said(database, home, first, answer)
        await carry_out(database, memory)
        assert await value(cluster, "SELECT max(people_say) FROM remembered_calls") == kept
    assert await value(cluster, "SELECT count(*) FROM remembered_calls") == 0
    assert await value(cluster, "SELECT count(*) FROM feedback") == 3


async def test_what_has_faded_is_deleted(database: Database, memory: Memory, cluster: Cluster) -> None:
    home = await household(database)
    for number, answer in ((1, Answer.SCAM), (2, None), (3, None)):
        call_id = await ring(database, home, number, SPAMMER)
        await judged(database, home, call_id, "SCAM")
        if answer:
            await said(database, home, call_id, answer)
    await carry_out(database, memory)
    await rows(
        cluster,
        "UPDATE remembered_calls SET began_at = now() - interval '62 days' WHERE call_id <> "
        "(SELECT id FROM active_calls WHERE call_sid = $1)",
        call_sid(3),
    )
    async with database.tenant(home.tenant_id) as session:
        await feedback.ask_to_remember(session, home.tenant_id, call_id)
    await carry_out(database, memory)
    left = await rows(cluster, "SELECT people_say FROM remembered_calls ORDER BY people_say")
    assert [row["people_say"] for row in left] == ["scam", None]


async def test_a_house_that_remembers_nobody_says_so(database: Database, cluster: Cluster) -> None:
    home, off = await household(database), Memory(b"m" * 32, is_on=False)
    first = await ring(database, home, 1, SPAMMER)
    await said(database, home, first, Answer.SCAM)
    await carry_out(database, off)
    assert await value(cluster, "SELECT count(*) FROM remembered_calls") == 0
    async with database.tenant(home.tenant_id) as session:
        call = await session.row("calls.for_analysis", first)
        assert call is not None
        found = await off.history(session, home.tenant_id, call, (), AttestationLevel.A)
    assert isinstance(found, NotAvailable)
    assert found.state is SignalState.NOT_CONFIGURED


async def test_of_a_call_that_is_not_here_nothing_can_be_said(database: Database) -> None:
    home, neighbour = await household(database, 1), await household(database, 2)
    theirs = await ring(database, neighbour, 1, SPAMMER)
    async with database.tenant(home.tenant_id) as session:
        for call_id in (theirs, uuid4()):
            assert (
                await feedback.give(session, home.tenant_id, call_id, Answer.SCAM, "dashboard", "operator")
                is None
            )
