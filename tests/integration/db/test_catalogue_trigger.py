"""Catalogues in the trigger: what it hears, whose words, in which version, from the next result on."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from callguard.analysis import catalogue_store
from callguard.analysis.catalogue import shipped_catalogue
from callguard.db.pool import Database
from callguard.domain.keywords import LANGUAGES, Language, Matcher
from callguard.domain.words import normalise
from callguard.errors import DatabaseError, KeywordsError
from callguard.evaluation.dialogues import read_dialogues
from callguard.local.postgres import Cluster
from callguard.transcript import store
from tests.conventions.project import ROOT
from tests.integration.population import (
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

HEARD = "SELECT keywords, catalogue_version FROM active_calls WHERE id = $1"


async def heard(cluster: Cluster, call_id: UUID) -> tuple[list[str], str | None]:
    [row] = await rows(cluster, HEARD, call_id)
    return row["keywords"], row["catalogue_version"]


PHRASES = ("abc", "abc*", "abc de", "abc* de", "de abc*", "de de", "irs", "number 1", "1 ab")
VOCABULARY = ("ab", "abc", "abcd", "de", "d", "irs", "i", "number", "1", "12", "x")


@pytest.fixture
async def fresh_call(database: Database) -> Callable[[], Awaitable[tuple[Household, UUID, int]]]:
    homes: list[Household] = []
    counted = iter(range(1, 10_000))

    async def another() -> tuple[Household, UUID, int]:
        if not homes:
            homes.append(await household(database, keywords=PHRASES))
        number = next(counted)
        return homes[0], await open_call(database, homes[0], number), number

    return another


@examples(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(st.lists(st.sampled_from(VOCABULARY), max_size=9))
async def test_it_hears_what_its_twin_hears(
    cluster: Cluster,
    database: Database,
    fresh_call: Callable[[], Awaitable[tuple[Household, UUID, int]]],
    said: list[str],
) -> None:
    home, call_id, number = await fresh_call()
    text = " ".join(said)
    await hear(database, home, call_id, words(number, 1, text))

    twin = Matcher(PHRASES).heard(normalise(text))
    assert sorted((await heard(cluster, call_id))[0]) == twin


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_shipped_words_are_heard_alike_in_authored_calls(
    language: Language, cluster: Cluster, database: Database
) -> None:
    file = min((ROOT / "training/text" / language).glob("*.jsonl"))
    turns = [turn for dialogue in read_dialogues(file)[:4] for turn in dialogue.turns]
    home = await household(database, keywords=())
    async with database.tenant(home.tenant_id) as session:
        await catalogue_store.ship(session)
    call_id = await open_call(database, home)
    matcher = Matcher(shipped_catalogue(language).phrases)
    async with database.tenant(home.tenant_id) as session:
        for sequence, turn in enumerate(turns):
            said = words(1, 1, turn.text, session=f"GT{sequence}")
            await store.add(session, home.tenant_id, call_id, language, said)
    stored = await rows(
        cluster, "SELECT keywords FROM transcription_events ORDER BY substr(transcription_sid, 3)::int"
    )

    assert [sorted(row["keywords"] or []) for row in stored] == [
        matcher.heard(normalise(turn.text)) for turn in turns
    ]


async def test_a_tenant_without_its_own_meets_the_shipped_one_and_updates_of_it(
    cluster: Cluster, database: Database
) -> None:
    keeps, own = await household(database, 1, keywords=()), await household(database, 2, keywords=("teapot",))
    calls = [await open_call(database, home, number) for number, home in ((1, keeps), (2, own))]
    async with database.session() as session:
        assert sorted(await catalogue_store.ship(session)) == sorted(LANGUAGES)
        assert await catalogue_store.ship(session) == [], "what was shipped stays"
        said = {"language": "en", "group": [{"tactic": "payment", "phrases": ["saucepan"]}]}
        update = ["en", "shipped-0123456789ab", said, ["saucepan"], []]
        assert await session.value("keywords.ship", *update) is True
    for number, (home, call_id) in enumerate(zip((keeps, own), calls, strict=True), 1):
        await hear(database, home, call_id, words(number, 1, "gift card, teapot and saucepan"))

    assert await heard(cluster, calls[0]) == (["saucepan"], "en/shipped-0123456789ab")
    assert await heard(cluster, calls[1]) == (["teapot"], "en/v1")
    async with database.tenant(own.tenant_id) as session:
        await catalogue_store.restore(session, own.tenant_id, "en", "shipped")
    await hear(database, own, calls[1], words(2, 2, "saucepan"))
    assert await heard(cluster, calls[1]) == (["saucepan", "teapot"], "en/v1"), "what woke it stays"


async def test_a_change_is_heard_by_the_next_result_and_taken_back(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database, keywords=("teapot",))
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "kettle"))
    async with database.tenant(home.tenant_id) as session:
        assert await publish(session, home.tenant_id, ["kettle"]) == "v2"
    await hear(database, home, call_id, words(1, 3, "a kettle", session="GT2"))
    assert await heard(cluster, call_id) == (["kettle"], "en/v2")
    async with database.tenant(home.tenant_id) as session:
        with pytest.raises(KeywordsError) as refused:
            await catalogue_store.restore(session, home.tenant_id, "en", "v7")
        assert refused.value.code == "KEYWORDS_NO_SUCH_VERSION"
        await catalogue_store.restore(session, home.tenant_id, "en", "v1")
        told = await catalogue_store.versions(session, home.tenant_id, "en")
    assert [(version.name, version.in_force) for version in told] == [("v2", False), ("v1", True)]
    await hear(database, home, call_id, words(1, 4, "teapot", session="GT3"))
    assert await heard(cluster, call_id) == (["kettle", "teapot"], "en/v2")


async def test_the_shipped_catalogue_is_read_by_all_and_changed_by_none(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database, keywords=())
    async with database.tenant(home.tenant_id) as session:
        await catalogue_store.ship(session)
    async with connected(cluster.app_dsn) as app:
        await app.execute("SELECT set_config('callguard.tenant', $1, false)", str(home.tenant_id))
        assert await app.fetchval("SELECT count(*) FROM keyword_catalogues") == len(LANGUAGES)
        assert await app.execute("UPDATE keyword_catalogues SET published = false") == "UPDATE 0"
        assert await app.execute("DELETE FROM keyword_catalogues") == "DELETE 0"


@pytest.mark.parametrize("phrases", [["Gift Card"], [""], ["a", "x' | 'y"], ["a b:*"]])
async def test_a_phrase_in_another_form_is_no_phrase(phrases: list[str], database: Database) -> None:
    home = await household(database, keywords=())
    with pytest.raises(DatabaseError):
        async with database.tenant(home.tenant_id) as session:
            await session.value("keywords.publish", home.tenant_id, "en", {}, phrases, [])


async def test_a_word_longer_than_any_keyword_is_none(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    assert await hear(database, home, call_id, words(1, 1, f"gift card {'a' * 5000} sue"))
    assert await value(cluster, "SELECT keywords FROM active_calls") == ["gift card", "sue"]
