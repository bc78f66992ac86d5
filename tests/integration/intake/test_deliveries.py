"""One waiting caller, several ways to the person: each is tried until somebody answers or all have failed."""

from typing import Any

import pytest

from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import CallReport, Ring
from callguard.local.stage import Stage
from callguard.local.twilio import Handset, OnCall
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import SECOND, SOFTPHONE, rule, ways
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient, new_call_sid, ringing

HOME = DEMO_FAMILY.phone_number
RING = Ring("+12025550199", "A")
HARMLESS = [
    (Speaker.CALLEE, "hello"),
    (Speaker.CALLER, "hi mom it is anna are you coming to lunch on sunday"),
]
SAID = "callee: hello\ncaller: hi mom it is anna are you coming to lunch on sunday"


async def call(stage: Stage, ring: Ring = RING) -> CallReport:
    return await stage.simulator.place("call", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), ring)


def dialled(stage: Stage) -> list[tuple[str, str, bool]]:
    """To whom, bearing which number, and whether by the call token."""
    return [
        (request.params["To"][0], request.params["From"][0], "CallToken" in request.params)
        for request in stage.stand_in.requests
        if request.path.endswith("/Participants.json") and request.method == "POST"
    ]


def told(stage: Stage) -> int:
    """How often Twilio took the words; it refuses them until the caller's leg is up, and is asked again."""
    return len(
        [
            request
            for request in stage.stand_in.requests
            if "Twiml" in request.params and request.status == 200
        ]
    )


async def legs(cluster: Cluster) -> list[tuple[Any, ...]]:
    found = await rows(cluster, "SELECT attempt, address, status, given_up FROM call_legs ORDER BY attempt")
    return [tuple(row) for row in found]


def put(stage: Stage, number: str, on_call: OnCall) -> None:
    forwards_to = DEMO_FAMILY.twilio_number if on_call is OnCall.FORWARDS_BACK else None
    stage.stand_in.phone_book.put(Handset(number, on_call=on_call, forwards_to=forwards_to))


@pytest.mark.promise("F25")
@pytest.mark.parametrize("first", [OnCall.BUSY, OnCall.NO_ANSWER])
async def test_where_nobody_answers_the_next_way_is_tried(
    stage: Stage, cluster: Cluster, first: OnCall
) -> None:
    await ways(cluster, ("same_number", None), ("client", SOFTPHONE))
    put(stage, HOME, first)
    put(stage, SOFTPHONE, OnCall.ANSWERS)
    report = await call(stage)
    assert report.transcript == SAID
    assert dialled(stage) == [(HOME, RING.from_number, True), (SOFTPHONE, RING.from_number, True)]
    assert [leg[:3] for leg in await legs(cluster)] == [
        (1, HOME, first.value),
        (2, SOFTPHONE, "completed"),
    ]
    assert told(stage) == 0


async def test_the_first_way_that_is_answered_is_the_last_that_rings(stage: Stage, cluster: Cluster) -> None:
    await ways(cluster, ("second_number", SECOND), ("same_number", None))
    put(stage, SECOND, OnCall.ANSWERS)
    assert (await call(stage)).transcript == SAID
    assert [to for to, _, _ in dialled(stage)] == [SECOND]


@pytest.mark.promise("F25")
async def test_when_all_have_failed_the_caller_is_told(stage: Stage, cluster: Cluster) -> None:
    await ways(cluster, ("second_number", SECOND), ("same_number", None))
    put(stage, SECOND, OnCall.NO_ANSWER)
    put(stage, HOME, OnCall.BUSY)
    assert SAID not in (await call(stage)).transcript
    assert [to for to, _, _ in dialled(stage)] == [SECOND, HOME]
    assert told(stage) == 1


@pytest.mark.promise("F25")
async def test_a_loop_is_cut_and_the_same_waiting_caller_reaches_the_person_another_way(
    stage: Stage, cluster: Cluster
) -> None:
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    put(stage, HOME, OnCall.FORWARDS_BACK)
    put(stage, SECOND, OnCall.ANSWERS)
    report = await call(stage)
    assert report.transcript == SAID
    assert [to for to, _, _ in dialled(stage)] == [HOME, SECOND]
    assert [(leg[1], leg[3]) for leg in await legs(cluster)] == [(HOME, "loop"), (SECOND, None)]
    marked = await rows(cluster, "SELECT kind, looping FROM delivery_routes ORDER BY position")
    assert [tuple(row) for row in marked] == [("same_number", True), ("second_number", False)]
    assert [row["kind"] for row in await rows(cluster, "SELECT kind FROM notices")] == ["forwarding_loop"]
    assert [row["call_sid"] for row in await rows(cluster, "SELECT call_sid FROM active_calls")] == [
        report.call_sid
    ]

    await call(stage, Ring("+12025550198", "A"))
    assert [to for to, _, _ in dialled(stage)][2:] == [SECOND], "a way that loops is not tried first again"


async def test_a_loop_on_the_only_way_is_marked_and_the_caller_told(stage: Stage, cluster: Cluster) -> None:
    put(stage, HOME, OnCall.FORWARDS_BACK)
    await call(stage)
    assert [to for to, _, _ in dialled(stage)] == [HOME]
    assert told(stage) == 1
    (way,) = await rows(cluster, "SELECT kind, address, looping FROM delivery_routes")
    assert tuple(way) == ("same_number", None, True)


async def test_a_loop_of_a_withheld_caller_is_known_by_the_line_that_forwards(
    stage: Stage, cluster: Cluster
) -> None:
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    put(stage, HOME, OnCall.FORWARDS_BACK)
    put(stage, SECOND, OnCall.ANSWERS)
    assert (await call(stage, Ring("anonymous"))).transcript == SAID
    assert [to for to, _, _ in dialled(stage)] == [HOME, SECOND]


@pytest.mark.promise("F25")
@pytest.mark.parametrize("rules", [False, True])
async def test_a_voicemail_does_not_swallow_the_call(stage: Stage, cluster: Cluster, rules: bool) -> None:
    if rules:
        await rule(cluster, RING.from_number, "allow")
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    put(stage, HOME, OnCall.VOICEMAIL)
    put(stage, SECOND, OnCall.ANSWERS)
    report = await call(stage)
    assert [to for to, _, _ in dialled(stage)] == [HOME, SECOND]
    # What the machine said is in the transcript too.
    assert report.transcript.endswith("" if rules else HARMLESS[1][1])
    assert told(stage) == 0
    assert [(leg[1], leg[3]) for leg in await legs(cluster)] == [(HOME, "machine"), (SECOND, None)]
    (stored,) = await rows(cluster, "SELECT connected_at FROM active_calls")
    assert stored["connected_at"] is not None


async def test_a_voicemail_on_the_last_way_is_ended_and_the_caller_told(stage: Stage) -> None:
    put(stage, HOME, OnCall.VOICEMAIL)
    await call(stage)
    assert told(stage) == 1


async def test_a_way_that_twilio_refuses_is_passed_over(stage: Stage, cluster: Cluster) -> None:
    await ways(cluster, ("sip", "sip:margaret@example.org"), ("second_number", SECOND))
    put(stage, SECOND, OnCall.ANSWERS)
    stage.stand_in.faults.refuse("POST", r"/Participants\.json$", status=400, code=21211, times=4)
    assert (await call(stage)).transcript == SAID
    assert [to for to, _, _ in dialled(stage)][-1] == SECOND


async def test_a_lost_reply_on_the_second_way_rings_nobody_twice(stage: Stage, cluster: Cluster) -> None:
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    put(stage, HOME, OnCall.BUSY)
    put(stage, SECOND, OnCall.ANSWERS)
    stage.stand_in.faults.lose_reply("POST", r"/Participants\.json$", times=2)
    assert (await call(stage)).transcript == SAID
    assert dialled(stage) == [(HOME, RING.from_number, True), (SECOND, RING.from_number, True)]


async def test_a_ringing_leg_of_which_nothing_is_told_is_asked_about(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await stage.simulator.settle(sid)
    await eventually(lambda: value(cluster, "SELECT connected_at FROM active_calls"), bool)
    # As if no callback had come, and Twilio knew nothing of the leg any more.
    lost = f"CA{'f' * 32}"
    await rows(cluster, "UPDATE call_legs SET status = 'ringing', call_sid = $1 WHERE attempt = 1", lost)
    await rows(cluster, "UPDATE active_calls SET connected_at = NULL")
    await rows(cluster, "DELETE FROM call_legs WHERE attempt > 1")
    await rows(
        cluster,
        "INSERT INTO work (tenant_id, kind, subject, call_id) "
        "SELECT tenant_id, 'dial', id, id FROM active_calls "
        "ON CONFLICT (tenant_id, kind, subject) WHERE state = 'pending' "
        "DO UPDATE SET run_after = clock_timestamp()",
    )

    async def second() -> list[str]:
        return [to for to, _, _ in dialled(stage)]

    await eventually(second, lambda numbers: numbers[-1:] == [SECOND])
    assert (await legs(cluster))[0][:3] == (1, HOME, "failed")
