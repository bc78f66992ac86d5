"""A hundred calls at once in real time: both tracks of each streamed while their words come in as webhooks.

The server has one core for itself. Postgres, the calls and Twilio's REST API (which answers at once) share
the others. Everything goes through the real doors: the ringing webhook, the stream's single-use pass, signed
transcription webhooks, the trigger, the worker, the SDK. Some of the calls turn out to be scams, at moments
spread over the run.

    python -m bench.real_time [--calls 100] [--scams 25] [--seconds 20] [--json]
"""

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import re
import secrets
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
import uvloop
from aiohttp import web
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from bench.call_path import p99
from bench.media_ingest import FRAMES_A_SECOND
from bench.streams import play_all
from callguard import server
from callguard.bootstrap import database_urls
from callguard.config import Settings, load_settings
from callguard.db.pool import Database
from callguard.domain.analysis_policy import AnalysisPolicy
from callguard.domain.audio import FRAME_MS
from callguard.local.family import DEMO_FAMILY, move_in
from callguard.local.postgres import Cluster
from callguard.local.scratch import scratch_database
from callguard.trust.keys import load_keys
from callguard.trust.logs import set_up_logs

HARMLESS: Final = (
    "well the weather has been lovely and we thought of going to the lake on sunday with the dog"
)
SCAM: Final = (
    "this is the social security administration there is a warrant for your arrest do not tell anyone "
    "about this call and pay the fine with gift cards right now"
)
RESULTS_A_SECOND: Final = 1  # of a call: Twilio tells partials about once a second while somebody speaks
TOKEN: Final = re.compile(r'name="token" value="([^"]+)"')

_WHOSE: Final = """
    SELECT a.message_sid, c.call_sid FROM alerts a JOIN active_calls c ON c.id = a.call_id
    WHERE a.message_sid IS NOT NULL"""
_JUDGED: Final = "SELECT count(*), coalesce(sum(windows), 0) FROM voice_readings WHERE score IS NOT NULL"
_HEARD: Final = "SELECT coalesce(sum(received_ms), 0) FROM media_streams"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run. Milliseconds, and shares of one core."""

    calls: int
    seconds: int
    frames: int
    frames_lost: int
    sender_late_ms: float
    drained_ms: float
    webhooks: int
    webhook_median_ms: float
    webhook_p99_ms: float
    alerts: int
    alert_median_ms: float
    alert_p99_ms: float
    server_core: float
    voices_judged: int
    voice_windows: int
    voice_core: float


@dataclass(slots=True)
class Twilio:
    """The REST API as far as these calls ask for it: it takes everything, and notes when."""

    messages: dict[str, float] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        sid = secrets.token_hex(16)
        if request.method == "POST" and request.path.endswith("/Messages.json"):
            self.messages[f"SM{sid}"] = time.monotonic()
            return web.json_response({"sid": f"SM{sid}", "status": "queued"}, status=201)
        return web.json_response({"sid": f"CA{sid}", "call_sid": f"CA{sid}", "status": "queued"}, status=201)


class Caller:
    """Sends signed webhooks and notes how long each takes."""

    def __init__(self, base_url: str, token: str, client: aiohttp.ClientSession) -> None:
        self._base_url = base_url
        self._validator = RequestValidator(token)
        self._client = client
        self.took_ms: list[float] = []

    def signature(self, url: str, form: dict[str, str]) -> str:
        return str(self._validator.compute_signature(url, form))

    async def post(self, path: str, form: dict[str, str]) -> str:
        url = self._base_url + path
        headers = {"X-Twilio-Signature": self.signature(url, form)}
        begun = time.monotonic()
        async with self._client.post(url, data=form, headers=headers) as reply:
            text = await reply.text()
            assert reply.status < 300, f"{path} was answered {reply.status}"
        self.took_ms.append((time.monotonic() - begun) * 1000)
        return text


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `alarming_at` seconds after its first words it turns out to be a scam, if at all."""

    sid: str
    token: str
    alarming_at: float | None


async def ring(caller: Caller, number: int, alarming_at: float | None) -> Call:
    sid = f"CA{number:032x}"
    twiml = await caller.post(
        "/incoming-call",
        {
            "CallSid": sid,
            "From": f"+1202555{number:04}",
            "To": DEMO_FAMILY.twilio_number,
            "CallStatus": "ringing",
        },
    )
    found = TOKEN.search(twiml)
    assert found, "the call is not streamed"
    await caller.post(
        "/transcription",
        {
            "CallSid": sid,
            "TranscriptionSid": f"GT{number:032x}",
            "TranscriptionEvent": "transcription-started",
        },
    )
    return Call(sid, found[1], alarming_at)


async def speak(caller: Caller, call: Call, begin: float, seconds: int) -> float | None:
    """The call's words as they grow; when the webhook with the decisive ones was sent."""
    alarmed = None
    for number in range(seconds * RESULTS_A_SECOND):
        await asyncio.sleep(max(0.0, begin + number / RESULTS_A_SECOND - time.monotonic()))
        is_decisive = (
            alarmed is None and call.alarming_at is not None and number >= call.alarming_at * RESULTS_A_SECOND
        )
        is_final = is_decisive or number % 3 == 2
        words = SCAM if is_decisive else " ".join(HARMLESS.split()[: 6 * (number % 3 + 1)])
        form = {
            "CallSid": call.sid,
            "TranscriptionSid": f"GT{call.sid[2:]}",
            "TranscriptionEvent": "transcription-content",
            "Timestamp": f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000Z",
            "SequenceId": str(number + 2),
            "Track": "inbound_track",
            "TranscriptionData": json.dumps({"transcript": words, "confidence": 0.9}),
            "Final": "true" if is_final else "false",
            "LanguageCode": "en-US",
        }
        if is_decisive:
            alarmed = time.monotonic()
        await caller.post("/transcription", form)
    return alarmed


def serve_on_a_core(settings: Settings, core: int, pipe: Connection) -> None:
    """A process: the server."""
    os.sched_setaffinity(0, {core})
    set_up_logs("error", "text")
    uvloop.run(server.serve(settings, lambda services: pipe.send(services.settings.base_url)))


def children_seconds(pid: int) -> float:
    """CPU of the server's children: they judge voices."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(cpu_seconds(int(child)) for child in pids)


def cpu_seconds(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


async def run_calls(
    process: BaseProcess,
    base_url: str,
    settings: Settings,
    twilio: Twilio,
    dsn: str,
    wanted: argparse.Namespace,
    spoken: bytes | None,
) -> Figures:
    token = load_keys(settings).twilio_auth_token
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3)) as client:
        caller = Caller(base_url, token, client)
        every = wanted.calls / wanted.scams if wanted.scams else math.inf
        moments = {round(number * every): number for number in range(wanted.scams)}
        spread = (wanted.seconds - 4) / max(1, wanted.scams)
        calls = []
        for number in range(wanted.calls):
            scam = moments.get(number)
            calls.append(await ring(caller, number, None if scam is None else 1 + scam * spread))
        caller.took_ms.clear()
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        stream_url = f"ws{base_url.removeprefix('http')}/media-stream"
        signature = caller.signature(stream_url, {})
        pairs = [(call.sid, call.token) for call in calls]
        arguments = (stream_url, signature, pairs, wanted.seconds, spoken, theirs)
        player = context.Process(target=play_all, args=arguments)
        player.start()
        begin = await asyncio.to_thread(pipe.recv)
        assert process.pid is not None
        await asyncio.sleep(begin - time.monotonic())
        cpu, voices = cpu_seconds(process.pid), children_seconds(process.pid)
        alarmed = await asyncio.gather(
            *(
                speak(caller, call, begin + number * 0.618034 % 1, wanted.seconds)
                for number, call in enumerate(calls)
            )
        )
        cpu = cpu_seconds(process.pid) - cpu
        voices = children_seconds(process.pid) - voices
        elapsed = time.monotonic() - begin
        took_ms = list(caller.took_ms)
        await asyncio.gather(
            *(caller.post("/call-status", {"CallSid": call.sid, "CallStatus": "completed"}) for call in calls)
        )
        late_ms, drained_ms = await asyncio.to_thread(pipe.recv)
        player.join()
        sent_at = {call.sid: at for call, at in zip(calls, alarmed, strict=True) if at is not None}
        frames = wanted.calls * wanted.seconds * FRAMES_A_SECOND
        heard, alerts_ms = await what_came(dsn, twilio, sent_at, frames)
        judged, windows = await what_was_judged(dsn)
    return Figures(
        calls=wanted.calls,
        seconds=wanted.seconds,
        frames=frames,
        frames_lost=frames - heard,
        sender_late_ms=round(late_ms, 1),
        drained_ms=round(drained_ms, 1),
        webhooks=len(took_ms),
        webhook_median_ms=round(statistics.median(took_ms), 1),
        webhook_p99_ms=round(p99(took_ms), 1),
        alerts=len(alerts_ms),
        alert_median_ms=round(statistics.median(alerts_ms), 1) if alerts_ms else 0.0,
        alert_p99_ms=round(p99(alerts_ms), 1) if alerts_ms else 0.0,
        server_core=round(cpu / elapsed, 2),
        voices_judged=judged,
        voice_windows=windows,
        voice_core=round(voices / elapsed, 2),
    )


async def what_was_judged(dsn: str) -> tuple[int, int]:
    """Calls whose voice has a score, and the windows of speech behind them."""
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetchrow(_JUDGED)
    finally:
        await connection.close()
    assert found is not None, "an aggregate has a row"
    return found[0], found[1]


async def what_came(
    dsn: str, twilio: Twilio, sent_at: dict[str, float], frames: int
) -> tuple[int, list[float]]:
    """Frames that are in the book, and how long each scam's first message took."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(10):
            while True:
                heard = await connection.fetchval(_HEARD)
                whose = {one["message_sid"]: one["call_sid"] for one in await connection.fetch(_WHOSE)}
                if heard // FRAME_MS >= frames and set(whose.values()) >= set(sent_at):
                    break
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    finally:
        await connection.close()
    first: dict[str, float] = {}
    for sid, at in twilio.messages.items():
        if (call_sid := whose.get(sid)) in sent_at:
            first[call_sid] = min(at, first.get(call_sid, math.inf))
    return heard // FRAME_MS, [(at - sent_at[sid]) * 1000 for sid, at in first.items()]


async def bench(
    settings: Settings,
    wanted: argparse.Namespace,
    *,
    spoken: bytes | None = None,
    policy: str = AnalysisPolicy.AFTER_KEYWORD,
) -> Figures:
    """One run on a database of its own; `spoken`: mu-law that everybody says, in noise's place."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:]) or {cores[0]})
    async with AsyncExitStack() as stack:
        cluster: Cluster = await stack.enter_async_context(database_urls(settings))
        if settings.database_url is None:
            cluster = await stack.enter_async_context(scratch_database(cluster))
        database = Database(cluster.app_dsn, size=2)
        await move_in(database)
        await database.close()
        owner = await asyncpg.connect(cluster.owner_dsn)
        await owner.execute("UPDATE users SET analysis_policy = $1", policy)
        await owner.close()
        twilio = Twilio()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", twilio.answer)
        runner = web.AppRunner(application, access_log=None, keepalive_timeout=3600)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        own = settings.model_copy(
            update={
                "port": 0,
                "public_base_url": None,
                "twilio_account_sid": None,
                "twilio_auth_token": None,
                "twilio_api_url": f"http://127.0.0.1:{runner.addresses[0][1]}",
                "database_url": SecretStr(cluster.owner_dsn),
                "database_app_url": SecretStr(cluster.app_dsn),
                "alert_answer_seconds": 3600,
            }
        )
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        process = context.Process(target=serve_on_a_core, args=(own, cores[0], theirs), daemon=True)
        process.start()
        try:
            base_url = await asyncio.to_thread(pipe.recv)
            return await run_calls(process, base_url, own, twilio, cluster.owner_dsn, wanted, spoken)
        finally:
            process.terminate()
            await asyncio.to_thread(process.join, 10)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--scams", type=int, default=25)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    set_up_logs("error", "text")
    figures = uvloop.run(bench(load_settings(), wanted))
    if wanted.json:
        print(json.dumps(asdict(figures), indent=2))
        return
    for name, value in asdict(figures).items():
        print(f"{name.replace('_', ' '):20} {value:>10}")


if __name__ == "__main__":
    main()
