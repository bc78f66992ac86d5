"""Recognition results in the database: once, and in order whatever the order they come in."""

from uuid import uuid4

import pytest

from callguard.db.pool import Database
from callguard.domain.transcript import Speaker, Utterance, as_text
from callguard.errors import DatabaseError
from callguard.local.postgres import Cluster
from callguard.transcript import store
from tests.integration.population import SAID_AT, hear, household, open_call, rows, value, words


async def test_a_result_is_stored_as_it_was_told(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    assert await hear(database, home, call_id, words(1, 7, "  Hello, “Anna”. ", caller=False))
    [row] = await rows(cluster, "SELECT * FROM transcription_events")
    assert (row["text"], row["speaker"], row["is_final"]) == ("  Hello, “Anna”. ", "callee", True)
    assert (row["tenant_id"], row["call_id"], row["language"]) == (home.tenant_id, call_id, "en")
    assert (row["sequence_number"], row["confidence"], row["stability"]) == (7, 0.9, None)
    assert (row["spoken_at"] - SAID_AT).total_seconds() == 7


async def test_a_result_told_again_changes_nothing(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    assert await hear(database, home, call_id, words(1, 1, "Hello."))
    assert not await hear(database, home, call_id, words(1, 1, "Something else."))
    assert await value(cluster, "SELECT text FROM transcription_events") == "Hello."
    assert await hear(database, home, call_id, words(1, 1, "Hello.", session="GTrestarted"))


async def test_the_transcript_holds_finals_and_the_newest_partial_of_each_track(database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    for result in (
        words(1, 6, "I am", final=False),
        words(1, 5, "Who is this?", caller=False),
        words(1, 4, "Hello, Granny.", final=True),
        words(1, 3, "Hello", final=False),
        words(1, 7, "I am your", final=False),
        words(1, 8, "  ", caller=False),
    ):
        await hear(database, home, call_id, result)
    async with database.tenant(home.tenant_id) as session:
        transcripts = await store.of_calls(session, home.tenant_id, [call_id])
    assert transcripts[call_id] == (
        Utterance(Speaker.CALLER, "Hello, Granny.", is_final=True, sequence=4),
        Utterance(Speaker.CALLEE, "Who is this?", is_final=True, sequence=5),
        Utterance(Speaker.CALLER, "I am your", is_final=False, sequence=7),
    )


async def test_a_restarted_transcription_comes_after_the_first(database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 20, "And then.", session="GTa"))
    await hear(database, home, call_id, words(1, 2, "First.", session="GTb"))
    async with database.tenant(home.tenant_id) as session:
        transcripts = await store.of_calls(session, home.tenant_id, [call_id])
    assert as_text(transcripts[call_id]) == "caller: First. And then."


async def test_each_call_has_its_own_words_and_a_silent_one_none(database: Database) -> None:
    home = await household(database)
    first, second, silent = [await open_call(database, home, number) for number in (1, 2, 3)]
    await hear(database, home, first, words(1, 1, "One."))
    await hear(database, home, second, words(2, 1, "Two."))
    async with database.tenant(home.tenant_id) as session:
        transcripts = await store.of_calls(session, home.tenant_id, [first, second, silent])
    assert {call: as_text(said) for call, said in transcripts.items()} == {
        first: "caller: One.",
        second: "caller: Two.",
    }


async def test_another_tenant_reads_none_of_it(database: Database) -> None:
    home, stranger = [await household(database, number) for number in (1, 2)]
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "Private."))
    async with database.tenant(stranger.tenant_id) as session:
        assert await store.of_calls(session, home.tenant_id, [call_id]) == {}
    with pytest.raises(DatabaseError):
        await hear(database, stranger, call_id, words(1, 2, "Forged."))


async def test_words_of_a_call_that_is_not_there_are_refused(database: Database) -> None:
    home = await household(database)
    with pytest.raises(DatabaseError):
        await hear(database, home, uuid4(), words(1, 1, "I sue you."))
