"""`callguard stream`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callguard.cli.score import MODEL, UNSCORED, print_scored
from callguard.cli.voice_words import clock, verdict
from callguard.config import load_settings
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.results import Progress, Scoring
from callguard.voice.reading import pieces


def stream(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording, hours long if need be.")],
    chunk_duration: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds heard at once.")] = 10,
    model: Annotated[str | None, MODEL] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each chunk.")] = False,
) -> None:
    """Judge a recording chunk by chunk, as a call is judged: the score of `callguard score` in the end."""
    scoring = Scoring(str(audio), pieces(audio, chunk_duration), Choice.of(load_settings(), model).load())
    console = Console(highlight=False)
    for number, progress in enumerate(scoring, 1):
        if as_json:
            print(_line("chunk", {"chunk": number, **msgspec.to_builtins(progress)}), flush=True)
        else:
            console.print(_chunk(progress), verdict(progress), sep="")
    told = scoring.result()
    if as_json:
        print(_line("result", msgspec.to_builtins(told)))
    else:
        console.print("")
        print_scored(console, told)
    if told.score is None:
        raise typer.Exit(UNSCORED)


def _line(kind: str, content: dict[str, object]) -> str:
    return msgspec.json.encode({"type": kind, **content}).decode()


def _chunk(progress: Progress) -> str:
    return f"{clock(progress.seconds):>9}  {progress.speech_seconds:7.1f} s of speech  "
