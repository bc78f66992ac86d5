"""`callguard features`: what signal processing measures of a recording's voice."""

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from callguard.cli.feature_table import headline, print_features, summary
from callguard.cli.report_file import write_picture
from callguard.cli.running import tell
from callguard.errors import AudioError, ConfigurationError
from callguard.speech import wav
from callguard.voice.dsp.features import VoiceFeatures
from callguard.voice.dsp.features import features as measured

PLOTS_NOT_INSTALLED = "PLOTS_NOT_INSTALLED"


def features(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording; its channels are mixed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all values and tracks as JSON.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw waveform, spectrogram, pitch, formants and score."),
    ] = None,
    theme: Annotated[Literal["light", "dark"], typer.Option(help="The page the picture is for.")] = "light",
    start: Annotated[float, typer.Option(min=0, help="Measure from this second on.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Measure no more than this.")] = 300.0,
) -> None:
    """Measure a recording: level, spectrum, pitch, formants, and how regular the voice is.

    The numbers describe the sound. They are no judgement on who or what speaks.
    """
    samples, rate, left = _read(audio, start, seconds)
    told = measured(samples, rate)
    if left > 0:
        tell(f"Measured {told.duration_sec:g} s from second {start:g} on; {left:.0f} s follow (see --start).")
    if plot is not None:
        write_picture(plot, _picture(samples, told, audio.name, theme))
    if as_json:
        print(msgspec.json.encode({"file": audio.name, "start_sec": start, **told.document()}).decode())
    else:
        print_features(Console(), audio.name, told)


def _read(audio: Path, start: float, seconds: float) -> tuple[NDArray[np.float32], int, float]:
    """The part asked for, its rate in Hz, and the seconds that follow it."""
    try:
        whole, rate = wav.samples(audio.read_bytes())
    except OSError as error:
        raise AudioError(
            f"The recording can't be read ({type(error).__name__}): {audio}", code="AUDIO_NOT_FOUND"
        ) from None
    part = whole[int(start * rate) : int((start + seconds) * rate)].astype(np.float32)
    return part, rate, len(whole) / rate - start - seconds


def _picture(
    samples: NDArray[np.float32], told: VoiceFeatures, name: str, theme: Literal["light", "dark"]
) -> bytes:
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigurationError(
            "Pictures need matplotlib. Install it with: pip install 'callguard[plots]'",
            code=PLOTS_NOT_INSTALLED,
        )
    from callguard.voice import plots  # noqa: PLC0415 - optional, and takes half a second

    drawn = plots.picture(samples, told, title=headline(name, told), subtitle=summary(told), theme=theme)
    return plots.png(drawn)
