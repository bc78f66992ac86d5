"""What counts as our own dialling that comes back, and what is done about it in the database."""

import msgspec
import pytest

from callguard.db.pool import Database
from callguard.intake import records
from callguard.intake.asking import DIAL
from callguard.local.postgres import Cluster
from tests.integration.population import Household, arrival, household, rows, value


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


async def test_a_loop_told_twice_is_noted_once_and_asks_for_the_next_way_once(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await records.arrive(database, arrival(home, 1))
    await rows(cluster, "UPDATE work SET state = 'done'")
    await rows(cluster, "UPDATE call_legs SET asked_at = clock_timestamp()")
    for _ in range(2):
        assert (await records.arrive(database, arrival(home, 2))).looping
        await rows(cluster, "UPDATE work SET state = 'done'")
    assert await value(cluster, "SELECT count(*) FROM operator_notices") == 1
    assert await value(cluster, "SELECT count(*) FROM work WHERE kind = $1", DIAL) == 2
    [way] = await rows(cluster, "SELECT kind, address, looping FROM delivery_routes")
    assert tuple(way) == ("same_number", None, True)
    assert await value(cluster, "SELECT given_up FROM call_legs") == "loop"


async def test_a_call_that_was_not_dialled_yet_blames_no_way(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await records.arrive(database, arrival(home, 1))
    assert (await records.arrive(database, arrival(home, 2))).looping
    assert await value(cluster, "SELECT count(*) FROM delivery_routes") == 0
    assert await value(cluster, "SELECT given_up FROM call_legs") is None


@pytest.mark.parametrize("bearing", ["the Twilio number", "the dialled number"])
async def test_a_loop_is_known_by_our_own_number_or_the_dialled_one(
    database: Database, home: Household, bearing: str
) -> None:
    await records.arrive(database, arrival(home, 1, caller="withheld"))
    caller = home.twilio_number if bearing == "the Twilio number" else home.phone_number
    assert (await records.arrive(database, arrival(home, 2, caller=caller))).looping


async def test_two_withheld_callers_over_the_same_line_are_a_loop_once_it_was_dialled(
    cluster: Cluster, database: Database, home: Household
) -> None:
    await records.arrive(database, arrival(home, 1, caller="withheld"))
    await rows(cluster, "UPDATE call_legs SET asked_at = clock_timestamp()")
    elsewhere = msgspec.structs.replace(arrival(home, 2, caller="withheld"), forwarded_from="+12025550133")
    assert not (await records.arrive(database, elsewhere)).looping
    assert (await records.arrive(database, arrival(home, 3, caller="withheld"))).looping
