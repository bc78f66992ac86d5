"""Calls whose voices are heard: rung by webhook, streamed through the socket, their words told by webhook."""

import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from callguard.config import Settings
from callguard.db.pool import Row
from callguard.domain.audio import mulaw_encode
from callguard.local.postgres import Cluster
from tests.integration.eventually import eventually
from tests.integration.media.stream_bench import CONNECTED, close_code, media, send, start, stop
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient, heard, new_call_sid, ringing
from tests.unit.voice.networks import calibrated, network

KEYWORD = "you must pay with a gift card today"
CHUNK = 1600
"""Samples of a media frame: 200 ms, ten of Twilio's, since nobody speaks here."""


def always(folder: Path, score: float) -> Path:
    """A network that gives each window of speech this score."""
    offset = float(np.log(score / (1 - score)))
    return calibrated(network(folder / f"says-{score:.2f}.onnx"), slope=0, offset=offset)


def judging(settings: Settings, detector: Path, **changes: object) -> Settings:
    return settings.model_copy(update={"deepfake_model_path": detector, **changes})


@dataclass
class VoiceCall:
    """One call. `at` is how far each stream's track has come, in milliseconds."""

    twilio: SignedClient
    sid: str = field(default_factory=new_call_sid)
    token: str = ""
    said: int = 1

    async def ring(self, caller: str = STRANGER) -> "VoiceCall":
        reply = await self.twilio.post("/incoming-call", ringing(self.sid, From=caller))
        parameter = ET.fromstring(reply.text).find("Start/Stream/Parameter")
        assert parameter is not None
        self.token = str(parameter.get("value"))
        return self

    async def say(self, text: str, track: str = "inbound_track") -> None:
        self.said += 1
        reply = await self.twilio.post("/transcription", heard(self.sid, self.said, text, track=track))
        assert reply.is_success

    @asynccontextmanager
    async def streaming(self, token: str | None = None, number: int = 0) -> AsyncIterator["VoiceLine"]:
        url = self.twilio.base_url.replace("http", "ws", 1) + "/media-stream"
        signed = {"X-Twilio-Signature": str(self.twilio._validator.compute_signature(url, {}))}
        async with connect(url, additional_headers=signed) as ws:
            line = VoiceLine(ws, self.sid, f"MZ{self.sid[4:]}{number:02}")
            await line.begin(token or self.token)
            yield line


@dataclass
class VoiceLine:
    """One stream of it."""

    ws: ClientConnection
    call_sid: str
    stream_sid: str
    at: dict[str, int] = field(default_factory=dict)

    async def begin(self, token: str) -> None:
        await self.send(CONNECTED, start(self.call_sid, token))

    async def hear(self, samples: NDArray[np.float32], track: str = "inbound") -> None:
        mulaw = mulaw_encode((samples * 32767).astype(np.int16))
        for place in range(0, len(mulaw), CHUNK):
            payload = mulaw[place : place + CHUNK]
            await self.send(media(self.at.get(track, 0), payload, track, self.call_sid))
            self.at[track] = self.at.get(track, 0) + len(payload) // 8

    async def end(self) -> None:
        await self.send(stop(self.call_sid))
        assert await close_code(self.ws) == 1000

    async def send(self, *messages: str) -> None:
        own = f'"streamSid": "MZ{self.call_sid[2:]}"'
        await send(self.ws, *(text.replace(own, f'"streamSid": "{self.stream_sid}"') for text in messages))


async def readings(cluster: Cluster) -> list[Row]:
    return await rows(cluster, "SELECT * FROM voice_readings ORDER BY updated_at")


async def reading(cluster: Cluster, seconds: float = 0.0) -> Row:
    """The call's reading once it comes from so much speech."""
    found = await eventually(
        lambda: readings(cluster), lambda seen: any(row["speech_seconds"] >= seconds for row in seen)
    )
    return max(found, key=lambda row: float(row["speech_seconds"]))


async def signal(cluster: Cluster, name: str) -> dict[str, object]:
    """What the newest verdict says of a signal; nothing where there is no verdict."""
    found = await rows(
        cluster,
        "SELECT part FROM fraud_analyses f, jsonb_array_elements(f.contributions) part"
        " WHERE part ->> 'signal' = $1 ORDER BY f.created_at DESC LIMIT 1",
        name,
    )
    return _decoded(found[0]["part"]) if found else {}


def _decoded(part: object) -> dict[str, object]:
    told = json.loads(part) if isinstance(part, str) else part
    assert isinstance(told, dict)
    return told
