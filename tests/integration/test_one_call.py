"""One call through the whole house, by its words: from the first ring to who was told."""

import asyncpg
import pytest

from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from callguard.local.twilio import Handset, OnCall, OnSms
from tests.integration.eventually import eventually
from tests.integration.population import rows

CALLEE, CALLER = Speaker.CALLEE, Speaker.CALLER
SCAM = [
    (CALLEE, "hello this is margaret"),
    (
        CALLER,
        "this is officer daniels with the social security administration there is a warrant for your arrest",
    ),
    (CALLEE, "oh my goodness what did i do"),
    (CALLER, "do not tell anyone about this call and do not hang up go to the store and buy gift cards"),
    (CALLEE, "all right i will get my purse"),
]
HARMLESS = [
    (CALLEE, "hello"),
    (CALLER, "hi mom it is anna are you coming to lunch on sunday"),
    (CALLEE, "of course i will bring the cake"),
]
RING = Ring("+12025550199", "A")


async def test_a_scam_alarms_every_contact_while_it_is_spoken(stage: Stage, cluster: Cluster) -> None:
    report = await stage.simulator.place("scam", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)

    assert (report.verdict, report.fraud_type, report.alerted, report.alert_level) == (
        "SCAM",
        "government",
        True,
        "danger",
    )
    assert report.risk >= 80
    assert report.alert_turn in (2, 4)
    assert {"gift cards", "social security", "warrant*"} <= set(report.keywords)
    assert report.keyword_to_alert_ms is not None
    assert 0 <= report.keyword_to_alert_ms < 10_000
    assert report.transcript == "\n".join(f"{speaker}: {text}" for speaker, text in SCAM)

    told = {message.to_number for message in stage.stand_in.messages}
    assert told == {relative.phone_number for relative in DEMO_FAMILY.relatives}
    for message in stage.stand_in.messages:
        assert "Margaret" in message.body
        assert message.segments <= 2
        assert "gift" not in message.body.replace("a fraud in the name", "")

    async def statuses() -> list[str]:
        connection = await asyncpg.connect(cluster.owner_dsn)
        try:
            rows = await connection.fetch(
                "SELECT status FROM alerts WHERE level = 'danger' ORDER BY created_at"
            )
        finally:
            await connection.close()
        return [row["status"] for row in rows]

    await eventually(statuses, lambda seen: seen == ["delivered", "delivered"])
    assert list(stage.stand_in.debugger) == []


async def test_a_harmless_call_alarms_nobody_and_is_not_even_scored(stage: Stage, cluster: Cluster) -> None:
    report = await stage.simulator.place(
        "family", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING
    )

    assert (report.verdict, report.risk, report.fraud_type, report.keywords) == ("SAFE", 0, None, [])
    assert (report.alerted, report.alert_level, report.alert_turn, report.keyword_to_alert_ms) == (
        False,
        None,
        None,
        None,
    )
    assert stage.stand_in.messages == ()
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM fraud_analyses") == 0
    finally:
        await connection.close()


async def test_a_run_repeats(stage: Stage, cluster: Cluster) -> None:
    """Where the caller is not known again."""

    def outcome(report: object) -> dict[str, object]:
        fields = (
            "verdict",
            "risk",
            "fraud_type",
            "keywords",
            "alerted",
            "alert_level",
            "alert_turn",
            "transcript",
        )
        return {name: getattr(report, name) for name in fields}

    first = await stage.simulator.place("one", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)
    await rows(cluster, "DELETE FROM remembered_calls")
    second = await stage.simulator.place("two", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)
    assert outcome(first) == outcome(second)
    assert first.call_sid != second.call_sid


async def test_the_persons_phone_shows_the_callers_own_number_by_the_call_token(stage: Stage) -> None:
    await stage.simulator.place("family", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING)
    (dialled,) = [
        r for r in stage.stand_in.requests if r.path.endswith("/Participants.json") and r.method == "POST"
    ]
    assert dialled.params["From"] == (RING.from_number,)
    assert dialled.params["To"] == (DEMO_FAMILY.phone_number,)
    assert dialled.params["CallToken"]


async def test_a_refused_call_token_falls_back_to_the_persons_twilio_number(
    stage: Stage, cluster: Cluster
) -> None:
    stage.stand_in.faults.refuse("POST", r"/Participants\.json$", status=400, code=21212, times=1)
    await stage.simulator.place("family", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING)
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        leg = await connection.fetchrow("SELECT used_call_token, token_refused FROM call_legs")
    finally:
        await connection.close()
    assert leg is not None
    assert (leg["used_call_token"], leg["token_refused"]) == (False, "21212")


@pytest.mark.promise("F19")
async def test_a_lost_reply_to_an_sms_request_is_looked_up_and_not_repeated(stage: Stage) -> None:
    stage.stand_in.faults.lose_reply("POST", r"/Messages\.json$", times=1)
    report = await stage.simulator.place("scam", stage.simulator.dialogue(SCAM, "en", stepwise=False), RING)

    async def delivered() -> int:
        return len([m for m in stage.stand_in.messages if m.status == "delivered"])

    await eventually(delivered, lambda count: count >= len(DEMO_FAMILY.relatives))
    await stage.simulator.settle(report.call_sid)
    bodies = [message.body for message in stage.stand_in.messages]
    assert len(bodies) == len(set(bodies))


@pytest.mark.promise("F21")
async def test_twilio_out_of_breath_is_asked_again(stage: Stage) -> None:
    stage.stand_in.faults.refuse("POST", r"/Messages\.json$", status=429, code=20429, times=2)
    await stage.simulator.place("scam", stage.simulator.dialogue(SCAM, "en", stepwise=False), RING)

    async def delivered() -> set[str]:
        return {m.to_number for m in stage.stand_in.messages if m.status == "delivered"}

    await eventually(delivered, lambda told: len(told) == len(DEMO_FAMILY.relatives))


@pytest.mark.promise("F20")
async def test_an_undelivered_message_is_seen(stage: Stage, cluster: Cluster) -> None:
    anna, _ = DEMO_FAMILY.relatives
    stage.stand_in.phone_book.put(Handset(anna.phone_number, on_sms=OnSms.undelivered(30003)))
    await stage.simulator.place("scam", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)

    async def failures() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(cluster.owner_dsn)
        try:
            return await connection.fetch("SELECT error_code FROM alerts WHERE status = 'undelivered'")
        finally:
            await connection.close()

    rows = await eventually(failures, bool)
    assert {row["error_code"] for row in rows} == {"30003"}


@pytest.mark.promise("F25")
async def test_a_caller_whose_call_nobody_takes_is_told_so(stage: Stage) -> None:
    stage.stand_in.phone_book.put(Handset(DEMO_FAMILY.phone_number, on_call=OnCall.BUSY))
    await stage.simulator.place("busy", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING)
    redirected = [r for r in stage.stand_in.requests if "Twiml" in r.params]
    assert len(redirected) == 1
    assert "can&#39;t be reached" in redirected[0].params["Twiml"][0]


@pytest.mark.promise("F25")
async def test_a_line_that_forwards_everything_back_is_cut_at_its_first_repeat(stage: Stage) -> None:
    stage.stand_in.phone_book.put(
        Handset(DEMO_FAMILY.phone_number, on_call=OnCall.FORWARDS_BACK, forwards_to=DEMO_FAMILY.twilio_number)
    )
    await stage.simulator.place("loop", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING)
    dialled = [
        r for r in stage.stand_in.requests if r.path.endswith("/Participants.json") and r.method == "POST"
    ]
    assert len(dialled) == 1


async def test_a_number_that_twilio_refuses_for_good_is_a_visible_failure_and_the_others_are_told(
    stage: Stage, cluster: Cluster
) -> None:
    stage.stand_in.faults.refuse("POST", r"/Messages\.json$", status=400, code=21211, times=1)
    await stage.simulator.place("scam", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        failed = await connection.fetch("SELECT error_code FROM alerts WHERE status = 'failed'")
    finally:
        await connection.close()
    assert [row["error_code"] for row in failed] == ["21211"]
    assert stage.stand_in.messages


@pytest.mark.promise("F21", "F25")
async def test_when_the_person_can_not_be_dialled_the_caller_is_not_left_waiting(stage: Stage) -> None:
    stage.stand_in.faults.refuse("POST", r"/Participants\.json$", status=500, code=20500, times=4)
    await stage.simulator.place("nobody", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING)
    assert len([r for r in stage.stand_in.requests if "Twiml" in r.params]) == 1


@pytest.mark.promise("F19")
async def test_a_lost_reply_to_dialling_rings_the_person_once(stage: Stage) -> None:
    stage.stand_in.faults.lose_reply("POST", r"/Participants\.json$", times=1)
    report = await stage.simulator.place(
        "family", stage.simulator.dialogue(HARMLESS, "en", stepwise=True), RING
    )
    dialled = [
        r for r in stage.stand_in.requests if r.path.endswith("/Participants.json") and r.method == "POST"
    ]
    assert len(dialled) == 1
    assert report.transcript.count("callee:") == 2
