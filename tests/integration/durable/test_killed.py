"""A server killed in mid-call; `make test-chaos` does it at every step, and at random."""

import pytest

from tests.chaos.house import House

STEPS = (
    "webhook POST /incoming-call asked 1",
    "work dial claimed 1",
    "REST POST /Accounts/Conferences/Participants.json answered 1",
    "work send_alert claimed 1",
    "REST POST /Accounts/Messages.json answered 1",
)
# The next look is due after a second, and one more for a busy machine.
TAKE_OVER_SECONDS = 10.0


@pytest.mark.timeout(180)
async def test_killed_at_a_step_the_call_is_bridged_and_the_alert_sent_once(house: House) -> None:
    for step in STEPS:
        outcome = await house.place(step)
        assert outcome.killed, step
        assert outcome.faults == [], step
        assert (outcome.taken_over_after or 0) < TAKE_OVER_SECONDS, step
