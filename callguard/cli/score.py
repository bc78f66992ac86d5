"""`callguard score`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callguard.cli.voice_words import track, verdict
from callguard.config import load_settings
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.results import Scored, scored
from callguard.voice.reading import READ_S, pieces

UNSCORED = 1
MODEL = typer.Option(help="'shipped', 'remote' (DEEPFAKE_API_URL), or the path of an ONNX network.")


def score(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording.")],
    model: Annotated[str | None, MODEL] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Tell how likely it is that the voice in a recording is synthetic. Status 1: it can't be said."""
    detector = Choice.of(load_settings(), model).load()
    told = scored(str(audio), pieces(audio, READ_S), detector)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        print_scored(Console(highlight=False), told)
    if told.score is None:
        raise typer.Exit(UNSCORED)


def print_scored(console: Console, told: Scored) -> None:
    """The verdict, what it stands on, and the track."""
    console.print(verdict(told), f" risk {told.risk_level}", sep="")
    console.print(
        f"{told.speech_seconds:g} s of speech in {told.duration_seconds:g} s, judged by {told.model_version}",
        markup=False,
    )
    for line in track(told):
        console.print(line)
