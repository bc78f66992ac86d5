"""`callguard evaluate voice`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callguard.cli.evaluate_text import WIDTH
from callguard.cli.progress import tracked
from callguard.cli.report_file import write_report
from callguard.cli.running import tell
from callguard.cli.voice_tables import print_voices
from callguard.config import load_settings
from callguard.errors import ConfigurationError
from callguard.evaluation.voice import TriedVoice, voice_evaluation
from callguard.evaluation.voice_calibrating import Method
from callguard.evaluation.voice_calibrating import calibrate as calibrated
from callguard.evaluation.voice_judging import Judged, judged
from callguard.evaluation.voice_manifest import Clip, read_manifest
from callguard.evaluation.voice_rendering import render_voices
from callguard.voice.deepfake.detectors import Choice


def voice(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST.csv", help="path,label,source,speaker[,codec]")
    ],
    detector: Annotated[
        list[str] | None,
        typer.Option(help="'shipped', 'remote' or a network's path; several are compared with the first."),
    ] = None,
    masked: Annotated[bool, typer.Option("--masked", help="Put noise over both classes.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise and of the intervals.")] = 0,
    calibrate: Annotated[
        Method | None,
        typer.Option(help="First calibrate the one network given by its path on this manifest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at once.")] = 1,
) -> None:
    """Judge labelled recordings and tell how well that went, beside what the channel alone gives away."""
    settings, clips = load_settings(), read_manifest(manifest)
    choices = [Choice.of(settings, name) for name in detector or (None,)]
    if calibrate is not None:
        _calibrate(choices, clips, calibrate, masked, seed)
    tried = [TriedVoice(c.name, tuple(_judged(c, clips, masked, seed, jobs))) for c in choices]
    told = voice_evaluation(manifest.name, tried, masked=masked, seed=seed)
    if html is not None:
        write_report(html, render_voices(told, tried))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        console = Console(highlight=False)
        console.width = console.width if console.is_terminal else WIDTH
        print_voices(console, told)


def _judged(choice: Choice, clips: list[Clip], masked: bool, seed: int, jobs: int) -> Iterator[Judged]:
    found = judged(clips, choice.load, masked=masked, seed=seed, jobs=jobs)
    yield from tracked(choice.name, found, len(clips))


def _calibrate(choices: list[Choice], clips: list[Clip], method: Method, masked: bool, seed: int) -> None:
    if len(choices) != 1 or not choices[0].is_file:
        raise ConfigurationError("--calibrate needs one --detector, and that the path of an ONNX network.")
    windows = calibrated(
        tracked("calibrate", clips, len(clips)), Path(choices[0].name), method, masked=masked, seed=seed
    )
    tell(
        f"Calibrated on {windows[0]} synthetic and {windows[1]} human windows. The figures are of the same "
        "recordings: its calibration on others will be worse."
    )
