"""The keyword trigger while partials grow: the same words wake the analyzer once."""

from callguard.db.pool import Database
from callguard.local.postgres import Cluster
from tests.integration.population import hear, household, open_call, value, words

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
