"""The keyword trigger while partials grow: the same words wake the analyzer once."""

import pytest

from callguard.db.pool import Database
from callguard.domain.keywords import Language
from callguard.local.postgres import Cluster
from callguard.transcript import store
from tests.integration.population import hear, household, open_call, publish, value, words

KEYWORDS = "SELECT keywords FROM active_calls WHERE id = $1"
REQUESTS = "SELECT count(*) FROM work WHERE kind = 'analyse' AND call_id = $1"


async def test_a_phrase_is_heard_once_while_a_partial_grows_into_its_final(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    await hear(database, home, call_id, words(1, 1, "Now go and buy a gift"))
    heard_at = []
    for sequence, (text, final) in enumerate(
        [("card", False), ("card at", False), ("card at the shop", False), ("Card at the shop.", True)], 2
    ):
        await hear(database, home, call_id, words(1, sequence, text, final=final))
        await hear(database, home, call_id, words(1, sequence, text, final=final))
        assert await value(cluster, KEYWORDS, call_id) == ["gift card"]
        assert await value(cluster, REQUESTS, call_id) == 1
        heard_at.append(await value(cluster, "SELECT keyword_at FROM active_calls WHERE id = $1", call_id))
    assert len(set(heard_at)) == 1


async def test_a_partial_completes_what_the_final_before_it_began(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    first, second = [await open_call(database, home, number) for number in (1, 2)]
    await hear(database, home, first, words(1, 3, "There is an arrest"))
    await hear(database, home, first, words(1, 4, "warrant", final=False))
    assert await value(cluster, KEYWORDS, first) == ["arrest warrant"]

    # A partial is no neighbour: its final may say something else.
    await hear(database, home, second, words(2, 3, "There is an arrest", final=False))
    await hear(database, home, second, words(2, 4, "warrant"))
    assert await value(cluster, KEYWORDS, second) == []


@pytest.mark.parametrize(
    ("language", "phrase", "results"),
    [
        ("es", "tarjeta de regalo", ["Compre una tarjeta", "de", "de regaló", "de regalo ahora."]),
        (
            "fr",
            "carte cadeau",
            ["Achetez une CARTE", "cadeau", "cadeau là", "Cadeau, là !"],
        ),
        ("de", "uberweisung", ["Machen Sie eine", "Über", "Überweisung", "Überweisung, sofort!"]),
        ("pt", "cartao presente", ["Compre um cartão", "presente", "presente já", "Presente, já."]),
    ],
)
async def test_across_two_results_and_a_growing_partial_in_every_language_once(
    language: Language, phrase: str, results: list[str], cluster: Cluster, database: Database
) -> None:
    home = await household(database)
    async with database.tenant(home.tenant_id) as session:
        await publish(session, home.tenant_id, [phrase], language)
    call_id = await open_call(database, home)
    heard_at = set()
    for sequence, text in enumerate(results, 1):
        final = sequence in (1, len(results))
        said = words(1, sequence, text, final=final)
        async with database.tenant(home.tenant_id) as session:
            await store.add(session, home.tenant_id, call_id, language, said)
        heard_at.add(await value(cluster, "SELECT keyword_at FROM active_calls WHERE id = $1", call_id))
    assert await value(cluster, KEYWORDS, call_id) == [phrase]
    assert await value(cluster, REQUESTS, call_id) == 1
    assert len(heard_at - {None}) == 1
    english = await open_call(database, home, 2)
    await hear(database, home, english, words(2, 1, " ".join(results)))
    assert await value(cluster, KEYWORDS, english) == []
