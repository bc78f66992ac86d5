"""Messages that callers leave: recorded with consent, turned into words in memory, judged, deleted."""

from pathlib import Path
from typing import Any

import pytest

from callguard.domain.transcript import Speaker
from callguard.errors import ConfigurationError
from callguard.listening.voicemail import DELETE_RECORDING
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import CallPlan, DialogueConversation, Handset, OnCall, SpokenTurn
from callguard.speech.port import OnResult, Recognised, TrackRecogniser
from callguard.speech.recogniser import NOT_INSTALLED, OTHER_LANGUAGE
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import rule, wish
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient, new_call_sid, ringing

MESSAGE = bytes(range(256)) * 63  # two seconds of something
SCAM = "this is the social security administration there is a warrant buy gift cards and do not tell anyone"
TURNS = [SpokenTurn(Speaker.CALLEE, "hello"), SpokenTurn(Speaker.CALLER, "hi mom it is anna")]
CONSENT = "record_voicemail = true"


class Script:
    """A recogniser that hears `SCAM` in any sound, or is not to be had."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.fed = 0

    def open(self, _language: str, on_result: OnResult) -> TrackRecogniser:
        if self.refusal is not None:
            raise ConfigurationError("Not to be had.", code=self.refusal)
        return _Track(self, on_result)

    def close(self) -> None:
        """Nothing is held."""


class _Track:
    def __init__(self, script: Script, on_result: OnResult) -> None:
        self._script = script
        self._on_result = on_result

    def feed(self, mulaw: bytes) -> None:
        self._script.fed += len(mulaw)

    async def close(self) -> None:
        await self._on_result(Recognised("this is", False, None, 0.5, 0, 500))
        await self._on_result(Recognised(SCAM, True, 0.9, None, 0, 2000))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Stands in for the model; wanted before the stage is set."""
    script = Script()
    monkeypatch.setattr("callguard.parts.WhisperFactory", lambda: script)
    return script


async def call(stage: Stage, message: bytes = MESSAGE, *, waits: bool = True) -> str:
    record = await stage.stand_in.place_call(
        CallPlan(
            STRANGER,
            DEMO_FAMILY.twilio_number,
            DialogueConversation(TURNS),
            stir="A",
            forwarded_from=DEMO_FAMILY.phone_number,
            message=message,
            waits_after_message=waits,
        )
    )
    await stage.simulator.settle(record.call_sid)
    return record.call_sid


def audio_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in {".wav", ".ulaw", ".raw", ".mp3"}]


async def messages(cluster: Cluster) -> list[tuple[Any, ...]]:
    found = await rows(
        cluster,
        "SELECT seconds, not_transcribed, transcribed_at IS NOT NULL, deleted_at IS NOT NULL FROM voicemails",
    )
    return [tuple(row) for row in found]


async def said(cluster: Cluster) -> list[tuple[str, str]]:
    found = await rows(cluster, "SELECT speaker, text FROM transcription_events WHERE is_final")
    return [tuple(row) for row in found]


async def told(cluster: Cluster) -> list[str]:
    return [row["kind"] for row in await rows(cluster, "SELECT kind FROM notices")]


@pytest.mark.parametrize(
    ("wishes", "block"),
    [("unknown_callers = 'voicemail'", False), ("blocked_callers = 'voicemail'", True)],
)
async def test_a_message_is_heard_judged_told_and_deleted(
    script: Script, stage: Stage, cluster: Cluster, tmp_path: Path, wishes: str, block: bool
) -> None:
    await wish(cluster, f"{wishes}, {CONSENT}")
    if block:
        await rule(cluster, STRANGER, "block")
    await call(stage, waits=block)
    assert await messages(cluster) == [(2, None, True, True)]
    assert script.fed == len(MESSAGE)
    assert await said(cluster) == [("caller", SCAM)]
    (stored,) = await rows(cluster, "SELECT decision, announcement, keywords, connected_at FROM active_calls")
    assert (stored["decision"], stored["announcement"], stored["connected_at"]) == (
        "voicemail",
        "voicemail.en",
        None,
    )
    assert "gift cards" in stored["keywords"]
    assert await told(cluster) == ["voicemail"]
    assert len(stage.stand_in.recordings) == 0
    assert {m.to_number for m in stage.stand_in.messages} == {r.phone_number for r in DEMO_FAMILY.relatives}
    assert audio_files(tmp_path) == []
    assert list(stage.stand_in.debugger) == []


@pytest.mark.parametrize("wishes", ["unknown_callers = 'voicemail'", "voicemail_unreachable = true"])
async def test_without_consent_nobody_is_recorded(stage: Stage, cluster: Cluster, wishes: str) -> None:
    await wish(cluster, wishes)
    stage.stand_in.phone_book.put(Handset(DEMO_FAMILY.phone_number, on_call=OnCall.BUSY))
    await call(stage)
    assert len(stage.stand_in.recordings) == 0
    assert await messages(cluster) == []
    assert await told(cluster) == []


@pytest.mark.promise("F25")
@pytest.mark.usefixtures("script")
async def test_where_nobody_can_be_reached_a_message_is_the_last_way(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, f"voicemail_unreachable = true, {CONSENT}")
    stage.stand_in.phone_book.put(Handset(DEMO_FAMILY.phone_number, on_call=OnCall.BUSY))
    await call(stage)
    assert await messages(cluster) == [(2, None, True, True)]
    assert await said(cluster) == [("caller", SCAM)]
    assert await told(cluster) == ["voicemail"]
    assert await rows(cluster, "SELECT kind FROM notices WHERE kind <> 'voicemail'") == []
    assert list(stage.stand_in.debugger) == []


async def test_who_leaves_no_message_leaves_no_trace_of_one(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, f"unknown_callers = 'voicemail', {CONSENT}")
    await call(stage, b"")
    assert await messages(cluster) == []
    assert await told(cluster) == []


@pytest.mark.parametrize(
    ("refusal", "reason"), [(NOT_INSTALLED, "not_installed"), (OTHER_LANGUAGE, "other_language")]
)
async def test_a_message_that_nobody_here_understands_is_kept_for_people_and_told(
    script: Script, stage: Stage, cluster: Cluster, refusal: str, reason: str
) -> None:
    script.refusal = refusal
    await wish(cluster, f"unknown_callers = 'voicemail', {CONSENT}")
    await call(stage)
    assert await messages(cluster) == [(2, reason, False, False)]
    assert await told(cluster) == ["voicemail"]
    assert len(stage.stand_in.recordings) == 1
    (later,) = await rows(
        cluster, "SELECT run_after > now() + interval '29 days' FROM work WHERE kind = $1", DELETE_RECORDING
    )
    assert later[0]


@pytest.mark.usefixtures("script")
async def test_a_message_told_twice_is_one(twilio: SignedClient, stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, f"unknown_callers = 'voicemail', {CONSENT}")
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    form = {"CallSid": sid, "RecordingSid": "RE" + "5" * 32, "RecordingStatus": "completed"}
    for _ in range(2):
        assert (await twilio.post("/message-recorded", form)).status_code == 204
    await stage.simulator.settle(sid)
    # Twilio knows nothing of it.
    assert await messages(cluster) == [(0, "unreadable", False, False)]
    assert await told(cluster) == ["voicemail"]


@pytest.mark.usefixtures("script")
async def test_a_recording_that_can_not_be_fetched_now_is_fetched_later(
    stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, f"unknown_callers = 'voicemail', {CONSENT}")
    stage.stand_in.faults.refuse("GET", r"/Recordings/", status=503)
    await call(stage)

    async def transcribed() -> list[tuple[Any, ...]]:
        return await messages(cluster)

    await eventually(transcribed, lambda found: found == [(2, None, True, True)])
    assert await said(cluster) == [("caller", SCAM)]
