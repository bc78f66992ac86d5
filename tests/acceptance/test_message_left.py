"""A scammer's voicemail in real audio: heard on this computer, and the family is alarmed."""

import math
from pathlib import Path

import pytest

from callguard.config import Settings
from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.recordings import load_mulaw, scenarios
from callguard.local.stage import in_process
from callguard.local.twilio import CallPlan, DialogueConversation, SpokenTurn
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import wish
from tests.integration.population import rows

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(110)]


def audio_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in {".wav", ".ulaw", ".raw", ".pcm", ".flac"}]


async def test_a_scam_left_as_a_message_alarms_the_family_and_its_audio_is_gone(
    settings: Settings, cluster: Cluster
) -> None:
    scam = next(scenario for scenario in scenarios() if scenario.expected == "alert")
    async with in_process(settings, speed=math.inf) as stage:
        await wish(cluster, "unknown_callers = 'voicemail', record_voicemail = true")
        await stage.stand_in.place_call(
            CallPlan(
                scam.from_number,
                DEMO_FAMILY.twilio_number,
                DialogueConversation([SpokenTurn(Speaker.CALLEE, "hello")]),  # which nobody comes to say
                message=load_mulaw(scam.caller),
            )
        )

        async def told() -> set[str]:
            return {message.to_number for message in stage.stand_in.messages}

        await eventually(told, lambda numbers: len(numbers) == len(DEMO_FAMILY.relatives), 60)
        bodies = [message.body for message in stage.stand_in.messages]
        assert all("message" in body and "on the phone" not in body for body in bodies), bodies

        async def kept() -> int:
            return len(stage.stand_in.recordings)

        await eventually(kept, lambda count: count == 0)
        (call,) = await rows(cluster, "SELECT decision, keywords FROM active_calls")
        assert call["decision"] == "voicemail"
        assert {"gift cards", "gift card"} & set(call["keywords"])
    assert audio_files(settings.data_dir) == []
