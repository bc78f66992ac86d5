"""A stand-in for a server of the voice API: `POST /v1/voice/deepfake` over real HTTP, keeping state.

It scores a recording by its brightness, so that what it answers depends on what it was sent; it knows its
keys, remembers its requests, and behaves as `manner` says until told otherwise.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from aiohttp import web

from callguard.speech.wav import samples

Manner = Literal["well", "failing", "busy", "stalling", "dropping", "babbling", "endless", "out_of_range"]


@dataclass
class VoiceServer:
    """A running stand-in: where it listens, what it was asked, how it behaves."""

    url: str = ""
    key: str = "the key"
    manner: Manner = "well"
    model: str = "stand-in 1"
    least_seconds: float = 2.0
    retry_after: str = "30"
    requests: list[dict[str, str]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def deepfake(self, request: web.Request) -> web.StreamResponse:
        """One recording."""
        parts = await request.post()
        self.requests.append({name: type(value).__name__ for name, value in parts.items()})
        audio = _content(parts.get("audio"))
        if self.manner != "well":
            return await self._misbehave(request)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": "Unauthorized", "code": "UNAUTHORIZED"}, status=401)
        if audio is None:
            return web.json_response({"error": "No audio", "code": "AUDIO_EMPTY"}, status=400)
        heard, rate = samples(audio)
        seconds = len(heard) / rate
        if seconds < 1:
            return web.json_response({"error": "Too short", "code": "AUDIO_TOO_SHORT"}, status=422)
        if seconds < self.least_seconds:
            return web.json_response(self._answer(0.5, 0.0) | {"reason_codes": ["INSUFFICIENT_SPEECH"]})
        brightness = float(np.mean(np.diff(heard) ** 2) / np.mean(heard**2))
        return web.json_response(self._answer(min(brightness / 4, 1.0), 0.9))

    def _answer(self, score: float, confidence: float) -> dict[str, object]:
        label = "likely_synthetic" if score > 0.7 else "likely_real" if score < 0.3 else "uncertain"
        return {
            "score": score,
            "label": label,
            "confidence": confidence,
            "latency_ms": 3,
            "session_id": f"session-{len(self.requests)}",
            "model_version": self.model,
            "recommended_action": "defer_to_review",
        }

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        if self.manner == "failing":
            return web.json_response({"error": "Out of order", "code": "INTERNAL"}, status=500)
        if self.manner == "busy":
            return web.Response(status=429, headers={"Retry-After": self.retry_after})
        if self.manner == "stalling":
            await self.released.wait()
        elif self.manner == "babbling":
            return web.Response(text="<html>Welcome!</html>")
        elif self.manner == "out_of_range":
            return web.json_response(self._answer(17.0, 0.9))
        elif self.manner == "endless":
            return web.Response(body=b"[" * (1 << 20))
        assert request.transport is not None
        request.transport.close()
        return web.Response()


def _content(part: object) -> bytes | None:
    """What the file of a form holds; the file is closed."""
    if not isinstance(part, web.FileField):
        return None
    with part.file:
        return part.file.read()


@asynccontextmanager
async def voice_server() -> AsyncIterator[VoiceServer]:
    """A stand-in on a free port of this machine."""
    server, app = VoiceServer(), web.Application()
    app.router.add_post("/v1/voice/deepfake", server.deepfake)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.released.set()
        await runner.cleanup()
