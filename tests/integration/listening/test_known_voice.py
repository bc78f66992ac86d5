"""A caller who claims to be somebody whose voice is enrolled: compared in the call, shown, and forgotten."""

import base64
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from callguard.config import Settings
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.voice.speaker import model
from callguard.voiceprints import book
from callguard.voiceprints.book import Consent, Voiceprints, Whose
from callguard.voiceprints.keyring import keyring
from tests.integration.eventually import eventually
from tests.integration.listening.voices import VoiceCall, always, judging, signal
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient
from tests.voices import ANNOUNCER, OFFICER, voice

KEY = SecretStr("1:" + base64.urlsafe_b64encode(bytes(range(32))).decode())
ANNA = DEMO_FAMILY.relatives[0]
LIKENESSES = "SELECT match, similarity, model FROM voice_likenesses"


@asynccontextmanager
async def house(settings: Settings, folder: Path) -> AsyncIterator[tuple[Stage, SignedClient]]:
    """The demo family, with Anna's voice enrolled: the officer's of the recordings."""
    with_key = judging(settings, always(folder, 0.1), voiceprint_key=KEY)
    async with in_process(with_key, speed=math.inf) as stage:
        assert stage.services is not None
        tenant = DEMO_FAMILY.tenant_id
        async with stage.database.tenant(tenant) as session:
            (whose,) = await book.whose(session, tenant, "Anna")
            enrolling = Voiceprints(keyring(KEY), model.load())
            done = await enrolling.enrol(session, whose, voice(OFFICER)[:3], Consent("Anna, in person"))
            assert done.is_active
        assert isinstance(whose, Whose)
        base_url, token = stage.services.settings.base_url, stage.services.keys.twilio_auth_token
        async with SignedClient(base_url, token) as twilio:
            yield stage, twilio


@pytest.mark.parametrize(
    ("spoken", "found"),
    [
        (np.concatenate(voice(OFFICER)[3:]), "same"),
        (np.concatenate(voice(ANNOUNCER)), "other"),
        (voice(OFFICER)[1], "replayed"),
    ],
    ids=["same", "other", "replayed"],
)
async def test_who_says_to_be_anna_is_compared_with_anna(
    settings: Settings, cluster: Cluster, tmp_path: Path, spoken: np.ndarray, found: str
) -> None:
    async with house(settings, tmp_path) as (stage, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await line.hear(spoken)
            await call.say("hi mom it's Anna, I need a gift card")
            told = await eventually(
                lambda: signal(cluster, "known_voice"), lambda told: told.get("state") == "measured", 30
            )
            assert told["finding"] == found
            assert "Similarity" in str(told["detail"])
            assert (told["points"] > 0) is (found != "same")  # type: ignore[operator]  # a number in JSON
            await line.end()
        (kept,) = await rows(cluster, LIKENESSES)
        assert kept["match"] == found
        assert kept["model"].startswith("speaker-1 ")
        tenant = DEMO_FAMILY.tenant_id
        async with stage.database.tenant(tenant) as session:
            (enrolment,) = await book.meant(session, tenant, "Anna")
            await book.release(session, tenant, enrolment)
        assert await rows(cluster, LIKENESSES) == []


async def test_who_claims_to_be_nobody_is_compared_with_nobody(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(settings, tmp_path) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await line.hear(voice(ANNOUNCER)[0])
            await call.say("this is the hospital your daughter Anna needs a gift card")
            told = await eventually(lambda: signal(cluster, "known_voice"), bool)
            assert (told["state"], told["points"]) == ("not available yet", 0)
            await line.end()
        assert await value(cluster, "SELECT claimed_voices FROM active_calls") == []
        # The number alone is a claim, also where it may be forged.
        call = await VoiceCall(twilio).ring(ANNA.phone_number)
        async with call.streaming() as line:
            await line.hear(np.concatenate(voice(ANNOUNCER)))
            await call.say("buy a gift card")
            await eventually(lambda: rows(cluster, LIKENESSES), bool, 30)
            await line.end()
    assert [row["match"] for row in await rows(cluster, LIKENESSES)] == ["other"]
