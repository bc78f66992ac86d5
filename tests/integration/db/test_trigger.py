"""The keyword trigger: which words wake the analyzer, and what it leaves behind."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.facts import WordsHeard
from callguard.domain.transcript import as_text
from callguard.intake.records import ANALYSE
from callguard.local.postgres import Cluster
from callguard.transcript import store
from tests.integration.population import (
    DEADLINE_S,
    Household,
    connected,
    hear,
    household,
    open_call,
    publish,
    rows,
    value,
    words,
)

CHANNEL = "keyword_detected"
OVER = "that is all"


async def keywords_of(cluster: Cluster, call_id: UUID) -> list[str]:
    found = await value(cluster, "SELECT keywords FROM active_calls WHERE id = $1", call_id)
    assert isinstance(found, list)
    return found


async def requests(cluster: Cluster, call_id: UUID, state: str = "pending") -> int:
    query = "SELECT count(*) FROM work WHERE kind = $1 AND call_id = $2 AND state = $3"
    found = await value(cluster, query, ANALYSE, call_id, state)
    assert isinstance(found, int)
    return found


async def take(database: Database) -> list[UUID]:
    """The calls whose analysis a worker takes now."""
    return [work.call_id for work in await queue.claim(database, [ANALYSE], 100)]


@asynccontextmanager
async def notified(cluster: Cluster) -> AsyncIterator[Callable[[], Awaitable[list[str]]]]:
    """Listens; the function given returns every payload sent before it was called."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with connected(cluster.owner_dsn) as listening, connected(cluster.owner_dsn) as speaking:
        await listening.add_listener(CHANNEL, lambda *notification: heard.put_nowait(str(notification[3])))

        async def so_far() -> list[str]:
            await speaking.execute(f"NOTIFY {CHANNEL}, '{OVER}'")
            payloads = []
            async with asyncio.timeout(DEADLINE_S):
                while (payload := await heard.get()) != OVER:
                    payloads.append(payload)
            return payloads

        yield so_far
        await listening.reset()


SPOKEN = {
    "There is an issue with the first one.": [],
    "Gift cards are nice.": [],
    "I will SUE you!": ["sue"],
    "The I.R.S. will sue.": ["irs", "sue"],
    "Sue": ["sue"],
    "Get the gift\n card, the Gift-Card.": ["gift card"],
    "Is it one g i f t card?": ["gift card"],
    "": [],
}


async def test_only_whole_words_match(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    for number, (said, found) in enumerate(SPOKEN.items()):
        call_id = await open_call(database, home, number)
        await hear(database, home, call_id, words(number, 1, said))
        assert await keywords_of(cluster, call_id) == found, said
        stored = "SELECT keywords FROM transcription_events WHERE call_id = $1"
        assert await value(cluster, stored, call_id) == (found or None)
        assert await requests(cluster, call_id) == (1 if found else 0)


async def test_a_phrase_cut_in_two_is_heard_whichever_half_comes_first(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    for number, order in enumerate(itertools.permutations(range(3))):
        call_id = await open_call(database, home, number)
        said = [
            words(number, 4, "Now go and buy a gift"),
            words(number, 5, "What for?", caller=False),
            words(number, 6, "card at the shop."),
        ]
        for index in order:
            await hear(database, home, call_id, said[index])
        assert await keywords_of(cluster, call_id) == ["gift card"], order
        assert await requests(cluster, call_id) == 1


async def test_a_phrase_does_not_run_across_tracks_or_calls(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    calls = [await open_call(database, home, number) for number in (1, 2, 3, 4)]
    for first, second, forwards in ((0, 1, True), (2, 3, False)):
        said = [
            (calls[first], words(1, 1, "a gift", session=f"GT{first}")),
            (calls[first], words(1, 2, "card", session=f"GT{first}", caller=False)),
            (calls[second], words(2, 2, "card", session=f"GT{second}")),
        ]
        for call_id, result in said if forwards else reversed(said):
            await hear(database, home, call_id, result)
    assert [await keywords_of(cluster, call_id) for call_id in calls] == [[]] * 4


async def test_words_two_results_away_are_no_neighbours(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    for sequence, text in enumerate(("a gift", "or so", "card")):
        await hear(database, home, call_id, words(1, sequence, text))
    assert await keywords_of(cluster, call_id) == []


async def test_other_languages_and_other_tenants_keywords_do_not_match(
    cluster: Cluster, database: Database
) -> None:
    await household(database, 2, keywords=("lottery",))
    home = await household(database, 1)
    async with database.tenant(home.tenant_id) as session:
        await publish(session, home.tenant_id, ["tarjeta"], "es")
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "lottery tarjeta"))
    assert await keywords_of(cluster, call_id) == []
    await hear(database, home, call_id, words(1, 2, "sue"))
    assert await keywords_of(cluster, call_id) == ["sue"]


async def test_the_words_to_match_are_never_kept(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with connected(cluster.owner_dsn) as owner:
        before = await owner.fetchval("SELECT pg_current_wal_lsn()")
        await hear(database, home, call_id, words(1, 1, "Zébra? Quàgga! Sue."))
        assert await owner.fetch("SELECT id FROM transcription_events WHERE match_text IS NOT NULL") == []
        segment = await owner.fetchval("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        assert segment == await owner.fetchval("SELECT pg_walfile_name($1)", before)
        await owner.execute("CHECKPOINT")
        heap = await owner.fetchval("SELECT pg_relation_filepath('transcription_events')")
        for file in (heap, f"pg_wal/{segment}"):
            held = "SELECT position($2::bytea IN pg_read_binary_file($1)) > 0"
            assert await owner.fetchval(held, file, "Zébra? Quàgga!".encode()), (
                "the text as it was said is there"
            )
            assert not await owner.fetchval(held, file, b"zebra quagga")


async def test_words_and_request_stand_or_fall_together(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with notified(cluster) as so_far:

        async def hear_and_fail() -> None:
            async with database.tenant(home.tenant_id) as session:
                assert await store.add(session, home.tenant_id, call_id, "en", words(1, 1, "sue"))
                assert len(await session.rows("work.busy_calls", home.tenant_id)) == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await hear_and_fail()
        assert await so_far() == []
    assert await rows(cluster, "SELECT id FROM transcription_events") == []
    assert await requests(cluster, call_id) == 0
    assert await keywords_of(cluster, call_id) == []


@pytest.mark.promise("F13")
async def test_one_request_waits_for_a_call_and_only_a_new_one_is_notified(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    call_id, other = [await open_call(database, home, number) for number in (1, 2)]
    async with notified(cluster) as so_far:
        await hear(database, home, call_id, words(1, 1, "sue"))
        assert len(await so_far()) == 1
        for sequence, text in enumerate(("irs", "gift card", "and more"), start=2):
            await hear(database, home, call_id, words(1, sequence, text))
        assert await so_far() == []
        await hear(database, home, other, words(2, 1, "sue"))
        assert len(await so_far()) == 1
        assert await requests(cluster, call_id) == 1
        assert sorted(await take(database)) == sorted([call_id, other])
        await hear(database, home, call_id, words(1, 8, "and more"))
        assert len(await so_far()) == 1
        assert await requests(cluster, call_id) == 1


@pytest.mark.promise("F14")
async def test_a_notification_carries_ids_and_nothing_that_was_said(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with notified(cluster) as so_far:
        await hear(database, home, call_id, words(1, 1, "I sue you. " * 9_000 + "Gift card."))
        [payload] = await so_far()
    transcript_id = await value(cluster, "SELECT id FROM transcription_events")
    assert json.loads(payload) == {"call_id": str(call_id), "transcript_id": str(transcript_id)}
    assert await value(cluster, "SELECT length(text) > 98000 FROM transcription_events") is True
    assert await keywords_of(cluster, call_id) == ["gift card", "sue"]


@pytest.mark.promise("F13")
async def test_a_silenced_transaction_asks_all_the_same(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with notified(cluster) as so_far:
        async with database.tenant(home.tenant_id) as session:
            await session.run("tenants.silence")
            await store.add(session, home.tenant_id, call_id, "en", words(1, 1, "sue"))
        assert await so_far() == []
    assert await take(database) == [call_id]


async def test_nothing_is_asked_before_a_keyword(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    for sequence, final in enumerate((True, False, True)):
        await hear(database, home, call_id, words(1, sequence, "Lovely weather.", final=final))
    assert await requests(cluster, call_id) == 0
    assert await value(cluster, "SELECT keyword_at FROM active_calls") is None


async def test_once_awake_each_result_asks(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    said = [
        words(1, 1, "I sue", final=False),
        words(1, 2, "I sue you, says the IRS", final=False),
        words(1, 3, "Why?", caller=False, final=False),
        words(1, 4, "I sue you, says the IRS."),
        words(1, 5, "Why?", caller=False),
    ]
    for result in said:
        await hear(database, home, call_id, result)
        assert await take(database) == [call_id], result.text
        await rows(cluster, "UPDATE work SET state = 'done' WHERE state = 'running'")
        await hear(database, home, call_id, result)
        assert await take(database) == [], "a result that is known asks for nothing"
    assert await keywords_of(cluster, call_id) == ["irs", "sue"]


async def test_the_first_keywords_time_stays(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "sue"))
    first = await value(cluster, "SELECT keyword_at FROM active_calls")
    await hear(database, home, call_id, words(1, 2, "irs"))
    assert first is not None
    assert await value(cluster, "SELECT keyword_at FROM active_calls") == first


async def test_words_stored_while_the_request_is_taken_are_analysed_too(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "sue"))
    async with database.tenant(home.tenant_id) as session:
        await store.add(session, home.tenant_id, call_id, "en", words(1, 2, "Buy a gift card."))
        early = await take(database)
        async with database.tenant(home.tenant_id) as analyst:
            read = await store.of_calls(analyst, home.tenant_id, [call_id])
    assert "gift" not in as_text(read[call_id])
    await rows(
        cluster, "UPDATE work SET state = 'done' WHERE call_id = ANY ($1) AND state = 'running'", early
    )
    assert await take(database) == [call_id], "nobody will read the words that were not committed yet"


async def test_a_new_request_does_not_wait_out_a_retrys_delay(database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "sue"))
    [work] = await queue.claim(database, [ANALYSE], 1)
    await queue.put_back(database, work, "DATABASE", delay_seconds=60)
    assert await take(database) == []
    await hear(database, home, call_id, words(1, 2, "gift card"))
    assert await take(database) == [call_id]


@pytest.mark.promise("F5")
async def test_ten_at_once_of_one_result_have_one_effect(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with notified(cluster) as so_far:
        stored = await asyncio.gather(
            *(hear(database, home, call_id, words(1, 1, "I sue you.")) for _ in range(10))
        )
        assert len(await so_far()) == 1
    assert sorted(stored) == [False] * 9 + [True]
    assert await value(cluster, "SELECT count(*) FROM transcription_events") == 1
    assert await requests(cluster, call_id) == 1


async def test_two_sessions_of_a_call_at_once_lose_no_keyword(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    said = [
        words(1, sequence, text, session=f"GT{session}")
        for session in range(3)
        for sequence, text in enumerate(("sue", "irs", "gift card", "arrest warrant"))
    ]
    await asyncio.gather(*(hear(database, home, call_id, result) for result in said))
    assert await keywords_of(cluster, call_id) == ["arrest warrant", "gift card", "irs", "sue"]
    assert await requests(cluster, call_id) == 1


SAID = (
    words(0, 1, "We", final=False),
    words(0, 2, "We will sue you for the gift"),
    words(0, 3, "Sorry?", caller=False),
    words(0, 4, "card", final=False),
    words(0, 5, "card you took. There is an arrest"),
    words(0, 6, "Oh no", caller=False, final=False),
    words(0, 7, "warrant."),
)


@pytest.fixture
async def fresh_calls(database: Database) -> Callable[[], Awaitable[tuple[Household, UUID, int]]]:
    """Each time another call of the same household."""
    home = await household(database)
    numbers = itertools.count(1)

    async def fresh() -> tuple[Household, UUID, int]:
        number = next(numbers)
        return home, await open_call(database, home, number), number

    return fresh


@pytest.mark.promise("F6")
@examples(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(SAID), again=st.lists(st.sampled_from(SAID), max_size=3))
async def test_results_in_any_order_make_the_same_call(
    cluster: Cluster,
    database: Database,
    fresh_calls: Callable[[], Awaitable[tuple[Household, UUID, int]]],
    order: list[WordsHeard],
    again: list[WordsHeard],
) -> None:
    home, call_id, number = await fresh_calls()
    async with database.tenant(home.tenant_id) as session:
        for said in (*order, *again):
            result = words(
                number, said.sequence, said.text, caller=said.track == "inbound_track", final=said.is_final
            )
            await store.add(session, home.tenant_id, call_id, "en", result)
        utterances = (await store.of_calls(session, home.tenant_id, [call_id]))[call_id]
    assert [(u.sequence, u.is_final) for u in utterances] == [
        (2, True),
        (3, True),
        (5, True),
        (6, False),
        (7, True),
    ]
    assert as_text(utterances) == (
        "caller: We will sue you for the gift\ncallee: Sorry?\ncaller: card you took. There is an arrest\n"
        "callee: Oh no\ncaller: warrant."
    )
    assert await keywords_of(cluster, call_id) == ["arrest warrant", "gift card", "sue"]
    assert await requests(cluster, call_id) == 1
