"""A server killed in mid-call (F8); `make test-chaos` does it at every step, and at random."""

import pytest

from callguard.local.postgres import Cluster
from tests.chaos.house import House
from tests.integration.eventually import eventually
from tests.integration.population import value

# A database that has just started lets everybody come back to it before their work is given to others.
UP_FOR_A_WHILE = "SELECT pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'"

STEPS = (
    "webhook POST /incoming-call asked 1",
    "work dial claimed 1",
    "REST POST /Accounts/Conferences/Participants.json answered 1",
    "REST POST /Accounts/Messages.json answered 1",
)
# The next look is due after a second, and one more for a busy machine.
TAKE_OVER_SECONDS = 10.0


@pytest.mark.promise("F8")
@pytest.mark.timeout(180)
async def test_killed_at_a_step_the_call_is_bridged_and_the_alert_sent_once(
    house: House, cluster: Cluster
) -> None:
    await eventually(lambda: value(cluster, UP_FOR_A_WHILE), bool)
    for step in STEPS:
        outcome = await house.place(step)
        assert outcome.killed, step
        assert outcome.faults == [], step
        assert (outcome.taken_over_after or 0) < TAKE_OVER_SECONDS, step
