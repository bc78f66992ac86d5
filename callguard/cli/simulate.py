"""`callguard simulate`."""

import asyncio
import math
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callguard.cli.running import run
from callguard.config import Settings, load_settings
from callguard.domain.transcript import Speaker
from callguard.errors import ConfigurationError
from callguard.evaluation.dialogues import Dialogue, read_dialogues
from callguard.local.recordings import load_mulaw
from callguard.local.simulation import CallReport, Ring, Simulator
from callguard.local.stage import Stage, beside, in_scratch
from callguard.local.twilio import AudioConversation, RecogniserFactory
from callguard.speech.recogniser import WhisperFactory
from callguard.trust.logs import set_up_logs

# Dialogues at no pace share the machine: enough calls at once to keep it busy, few enough that none waits
# long.
CALLS_AT_ONCE = 16
# One caller who rings twice at once looks like a forwarding loop, so each of the calls at once has a number
# of its own.
CALLERS = [f"+120255501{last:02}" for last in range(99, 99 - CALLS_AT_ONCE, -1)]


class Attested(StrEnum):
    """STIR/SHAKEN attestation of the simulated caller."""

    A = "A"
    B = "B"
    C = "C"
    NONE = "none"


def simulate(
    audio: Annotated[Path | None, typer.Option(help="WAV of what the caller says.")] = None,
    callee: Annotated[
        Path | None, typer.Option(help="WAV of what the person says, on the same timeline.")
    ] = None,
    dialogue: Annotated[Path | None, typer.Option(help="JSONL file of dialogues; each is a call.")] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="The caller's number, or anonymous; dialogues then ring one by one."),
    ] = None,
    stir: Annotated[Attested, typer.Option(help="The caller's attestation.")] = Attested.NONE,
    lang: Annotated[str, typer.Option(help="Language of the audio; a dialogue names its own.")] = "en",
    speed: Annotated[
        str, typer.Option(help="1 is real time, 4 four times as fast, max without waiting.")
    ] = "1",
    server: Annotated[
        str | None, typer.Option(help="A running server in local mode. Default: one in this process.")
    ] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Have callers known again; else each call is judged by itself.")
    ] = False,
) -> None:
    """Place calls through the local stand-in and print one JSON line a call."""
    pace = _pace(speed)
    settings = load_settings() if memory else load_settings(caller_memory=False)
    set_up_logs("warning" if settings.log_level == "info" else settings.log_level, settings.log_format)
    if (audio is None) == (dialogue is None):
        raise ConfigurationError("Give either --audio or --dialogue.")
    if callee is not None and audio is None:
        raise ConfigurationError("--callee goes with --audio.")
    callers = [Ring(number, stir.value) for number in ([from_] if from_ else CALLERS)]
    if dialogue is not None:
        run(_dialogues(settings, read_dialogues(dialogue), callers, pace, server))
        return
    if audio is not None:
        if math.isinf(pace):
            raise ConfigurationError("Audio has a pace: give --speed as a number, 1 for real time.")
        if lang != "en":
            raise ConfigurationError(
                f"There is no recognition model for '{lang}' here; the packaged one hears English."
            )
        conversation = AudioConversation(
            caller=load_mulaw(audio), callee=load_mulaw(callee) if callee else None
        )
        run(_recording(settings, audio.stem, conversation, callers[0], pace, server))


def _pace(speed: str) -> float:
    try:
        pace = math.inf if speed == "max" else float(speed)
    except ValueError:
        pace = math.nan
    if not pace > 0:
        raise ConfigurationError("--speed must be a number above 0, or max.")
    return pace


def _stage(
    settings: Settings, server: str | None, pace: float, recogniser: RecogniserFactory | None = None
) -> AbstractAsyncContextManager[Stage]:
    if server is None:
        return in_scratch(settings, speed=pace, recogniser=recogniser)
    return beside(settings, server, speed=pace, recogniser=recogniser)


async def _recording(
    settings: Settings,
    name: str,
    conversation: AudioConversation,
    ring: Ring,
    pace: float,
    server: str | None,
) -> None:
    recogniser = WhisperFactory()
    try:
        await recogniser.warm()
        async with _stage(settings, server, pace, recogniser) as stage:
            _print(await stage.simulator.place(name, conversation, ring))
    finally:
        recogniser.close()


async def _dialogues(
    settings: Settings, dialogues: list[Dialogue], callers: list[Ring], pace: float, server: str | None
) -> None:
    async with _stage(settings, server, pace) as stage:
        free: asyncio.Queue[Ring] = asyncio.Queue()
        for caller in callers:
            free.put_nowait(caller)
        calls = [asyncio.create_task(_one(stage.simulator, dialogue, free, pace)) for dialogue in dialogues]
        try:
            for call in calls:
                _print(await call)
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


async def _one(
    simulator: Simulator, dialogue: Dialogue, free: "asyncio.Queue[Ring]", pace: float
) -> CallReport:
    turns = [(Speaker(turn.speaker), turn.text) for turn in dialogue.turns if turn.text.strip()]
    conversation = simulator.dialogue(turns, dialogue.lang, stepwise=math.isinf(pace))
    caller = await free.get()
    try:
        return await simulator.place(dialogue.id, conversation, caller)
    finally:
        free.put_nowait(caller)


def _print(report: CallReport) -> None:
    print(msgspec.json.encode(report).decode(), flush=True)
