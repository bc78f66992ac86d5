"""Twilio's webhooks at the server's doors: who is let in, and what one call leaves behind."""

import asyncio
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from callguard.dashboard.source import DatabaseSnapshots
from callguard.domain.transcript import as_text
from callguard.intake.twiml import RETRIED
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.population import value
from tests.integration.webhooks import STRANGER, SignedClient, heard, new_call_sid, ringing

TABLES = (
    "active_calls",
    "call_legs",
    "transcription_events",
    "fraud_analyses",
    "alerts",
    "media_streams",
    "work",
)


async def rows_of(cluster: Cluster, table: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        return await connection.fetch(f"SELECT * FROM {table}")
    finally:
        await connection.close()


async def stored(cluster: Cluster) -> dict[str, int]:
    return {table: len(await rows_of(cluster, table)) for table in TABLES}


async def test_a_ringing_call_is_answered_with_transcription_stream_and_conference(
    twilio: SignedClient, cluster: Cluster
) -> None:
    sid = new_call_sid()
    reply = await twilio.post("/incoming-call", ringing(sid))

    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/xml")
    response = ET.fromstring(reply.text)
    assert [verb.tag for verb in response] == ["Say", "Start", "Start", "Dial"]
    transcription = response.find("Start/Transcription")
    stream = response.find("Start/Stream")
    conference = response.find("Dial/Conference")
    assert transcription is not None
    assert stream is not None
    assert conference is not None
    assert transcription.get("partialResults") == "true"
    assert transcription.get("track") == "both_tracks"
    assert transcription.get("profanityFilter") == "false"
    assert transcription.get("statusCallbackUrl") == f"{twilio.base_url}/transcription{RETRIED}"
    assert stream.get("url") == f"ws{twilio.base_url.removeprefix('http')}/media-stream"
    (call,) = await rows_of(cluster, "active_calls")
    assert conference.text == call["conference_name"]
    moment = int(call["started_at"].timestamp())
    assert str(conference.text).startswith(f"User-{call['user_id']}-{moment}")
    assert (call["caller_number"], call["attestation"], call["call_sid"]) == (STRANGER, "A", sid)


@pytest.mark.promise("A1")
@pytest.mark.parametrize(
    "path",
    [
        "/incoming-call",
        "/transcription",
        "/call-status",
        "/answered-by",
        "/conference-events",
        "/message-status",
        "/screening-answer",
        "/connection-choice",
        "/message-recorded",
        "/message-taken",
        "/who-calls",
        "/voice/incoming",
    ],
)
@pytest.mark.parametrize("signature", ["", "bm90IHR3aWxpbw=="], ids=["missing", "wrong"])
async def test_without_twilios_signature_nothing_is_let_in_and_nothing_stored(
    twilio: SignedClient, cluster: Cluster, path: str, signature: str
) -> None:
    sid = new_call_sid()
    reply = await twilio.post(path, ringing(sid) | heard(sid, 1, "gift cards"), signature=signature)

    assert reply.status_code == 403
    assert sid not in reply.text
    assert await stored(cluster) == dict.fromkeys(TABLES, 0)


@pytest.mark.promise("A1")
async def test_a_signature_over_other_words_is_wrong(twilio: SignedClient, cluster: Cluster) -> None:
    sid = new_call_sid()
    signature = twilio.signature("/incoming-call", ringing(sid))
    reply = await twilio.post("/incoming-call", ringing(sid, From="+12025550198"), signature=signature)

    assert reply.status_code == 403
    assert await stored(cluster) == dict.fromkeys(TABLES, 0)


@pytest.mark.promise("A4")
async def test_the_hosts_of_the_request_do_not_count(twilio: SignedClient) -> None:
    form = ringing(new_call_sid())
    signed = twilio.signature("/incoming-call", form)
    for header in ("Host", "X-Forwarded-Host"):
        reply = await twilio.send(
            "POST",
            "/incoming-call",
            data=form,
            headers={"X-Twilio-Signature": signed, header: "evil.example.com"},
        )
        assert reply.status_code == 200


@pytest.mark.promise("F5")
async def test_ten_copies_at_once_have_one_effect(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    sid = new_call_sid()
    replies = await asyncio.gather(*(twilio.post("/incoming-call", ringing(sid)) for _ in range(10)))
    conferences = {ET.fromstring(reply.text).findtext("Dial/Conference") for reply in replies}
    assert len(conferences) == 1
    await stage.simulator.settle(sid)
    words = heard(sid, 1, "buy gift cards and read me the numbers")
    answers = await asyncio.gather(*(twilio.post("/transcription", words) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    await stage.simulator.settle(sid)

    dialled = [request for request in stage.stand_in.requests if request.path.endswith("/Participants.json")]
    assert len(dialled) == 1
    done = sorted(row["kind"] for row in await rows_of(cluster, "work") if row["state"] == "done")
    assert done == ["analyse", "dial"]
    found = await stored(cluster)
    assert (found["active_calls"], found["call_legs"], found["transcription_events"]) == (1, 1, 1)


@pytest.mark.promise("A2")
async def test_a_replayed_webhook_is_answered_and_changes_nothing(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await twilio.post("/transcription", heard(sid, 1, "hello there"))
    await stage.simulator.settle(sid)
    before = await stored(cluster)
    assert (await twilio.post("/transcription", heard(sid, 1, "hello there"))).status_code == 204
    assert (await twilio.post("/incoming-call", ringing(sid))).status_code == 200
    await stage.simulator.settle(sid)
    assert await stored(cluster) == before


@pytest.mark.promise("A5")
async def test_unknown_parameters_and_a_get_are_fine(twilio: SignedClient, cluster: Cluster) -> None:
    reply = await twilio.get("/voice/incoming", ringing(new_call_sid(), NewParameter="of next year"))
    assert reply.status_code == 200
    assert len(await rows_of(cluster, "active_calls")) == 1


async def test_a_number_that_is_nobodys_is_rejected(twilio: SignedClient, cluster: Cluster) -> None:
    reply = await twilio.post("/incoming-call", ringing(new_call_sid(), To="+12025550177"))
    assert reply.status_code == 200
    assert ET.fromstring(reply.text).find("Reject") is not None
    assert (await stored(cluster))["active_calls"] == 0


async def test_the_persons_own_line_sending_our_dialling_back_is_cut(
    twilio: SignedClient, cluster: Cluster
) -> None:
    """The forwarding loop: the same caller again while the person is still being rung."""
    await twilio.post("/incoming-call", ringing(new_call_sid()))
    again = await twilio.post(
        "/incoming-call", ringing(new_call_sid(), ForwardedFrom=DEMO_FAMILY.phone_number)
    )
    assert ET.fromstring(again.text).find("Reject") is not None
    assert len(await rows_of(cluster, "active_calls")) == 1


@pytest.mark.promise("A7")
@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        ("/incoming-call", {"CallSid": "not a sid"}, "PROTOCOL"),
        ("/transcription", {"SequenceId": "first"}, "PROTOCOL"),
        ("/transcription", {"TranscriptionData": "{"}, "PROTOCOL"),
        ("/message-status?alert=nobody", {"MessageSid": "SM1", "MessageStatus": "sent"}, "PROTOCOL"),
    ],
)
async def test_a_signed_but_broken_webhook_is_told_what_is_wrong(
    twilio: SignedClient, path: str, changes: dict[str, str], code: str
) -> None:
    sid = new_call_sid()
    reply = await twilio.post(path, heard(sid, 1, "hello") | ringing(sid) | changes)
    assert reply.status_code == 400
    assert f"[{code}]" in reply.text


@pytest.mark.promise("A7")
async def test_a_webhook_too_large_to_be_one_is_not_read(twilio: SignedClient) -> None:
    reply = await twilio.send("POST", "/transcription", data={"TranscriptionData": "x" * 300_000})
    assert reply.status_code == 413


@pytest.mark.promise("A1")
async def test_a_secret_of_another_account_does_not_open(stage: Stage) -> None:
    assert stage.services is not None
    async with SignedClient(stage.services.settings.base_url, "0" * 32) as stranger:
        assert (await stranger.post("/incoming-call", ringing(new_call_sid()))).status_code == 403


@pytest.mark.promise("F6")
async def test_words_after_a_stop_and_events_in_any_order_make_one_transcript(
    stage: Stage, twilio: SignedClient, cluster: Cluster
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    told = {"CallSid": sid, "TranscriptionSid": f"GT{sid[2:]}"}
    events = [
        told | {"TranscriptionEvent": "transcription-stopped", "SequenceId": "6"},
        heard(sid, 4, "who is this", track="outbound_track"),
        heard(sid, 5, "your grandson", final=True),
        heard(sid, 3, "hello granny"),
        heard(sid, 2, "hello", final=False),
        told | {"TranscriptionEvent": "transcription-started", "SequenceId": "1"},
        heard(sid, 3, "hello granny"),
    ]
    for event in events:
        assert (await twilio.post("/transcription", event)).status_code == 204

    (call,) = (await DatabaseSnapshots(stage.database)()).calls
    assert as_text(call.transcript) == "caller: hello granny\ncallee: who is this\ncaller: your grandson"
    assert await value(cluster, "SELECT transcription_state FROM active_calls") == "stopped"


async def test_our_own_announcements_are_nobodys_words(stage: Stage, twilio: SignedClient) -> None:
    sid, ours = new_call_sid(), "the person you are calling can't be reached at the moment"
    await twilio.post("/incoming-call", ringing(sid))
    for sequence, (text, track) in enumerate(
        [
            (ours, "outbound_track"),
            (f"{ours} i said", "outbound_track"),
            ("the person", "outbound_track"),
            (ours, "inbound_track"),
        ]
    ):
        await twilio.post("/transcription", heard(sid, sequence, text, track=track))

    (call,) = (await DatabaseSnapshots(stage.database)()).calls
    assert as_text(call.transcript) == f"callee: {ours} i said the person\ncaller: {ours}"
