"""`callguard features`: what signal processing measures of a recording's voice."""

import importlib.util
from dataclasses import dataclass
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
from callguard.cli.score import MODEL
from callguard.config import load_settings
from callguard.domain.audio import SAMPLE_RATE
from callguard.errors import ConfigurationError, DetectorError
from callguard.voice import files
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.listener import Heard, Listener
from callguard.voice.dsp.features import MOST_RATE, VoiceFeatures
from callguard.voice.dsp.features import features as measured
from callguard.voice.resampling import resample

Theme = Literal["light", "dark"]
PLOTS_NOT_INSTALLED = "PLOTS_NOT_INSTALLED"


def features(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording; its channels are mixed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all values and tracks as JSON.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw waveform, spectrogram, pitch, formants and score."),
    ] = None,
    theme: Annotated[Theme, typer.Option(help="The page the picture is for.")] = "light",
    model: Annotated[str | None, MODEL] = None,
    start: Annotated[float, typer.Option(min=0, help="Measure from this second on.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="Measure no more than this.")] = 300.0,
) -> None:
    """Measure a recording: level, spectrum, pitch, formants, and how regular the voice is.

    The numbers describe the sound. They are no judgement on who or what speaks.
    """
    if plot is not None and plot.suffix.lower() != ".png":
        raise ConfigurationError(f"Pictures are PNG files. Give a name that ends in .png: {plot}")
    heard = _read(audio, start, seconds)
    told = measured(heard.samples, heard.rate)
    for remark in heard.remarks:
        tell(remark)
    if plot is not None:
        write_picture(plot, _picture(heard, told, audio.name, model, theme))
    if as_json:
        print(msgspec.json.encode({"file": audio.name, "start_sec": start, **told.document()}).decode())
    else:
        print_features(Console(), audio.name, told)


@dataclass(frozen=True, slots=True)
class _Heard:
    """The part of the file that was asked for, mixed down, and what to know of it."""

    samples: NDArray[np.float32]
    rate: int
    start_s: float
    remarks: tuple[str, ...]


def _read(audio: Path, start: float, seconds: float) -> _Heard:
    with files.opened(audio) as file:
        rate, at, parts = min(file.facts.rate, MOST_RATE), 0, []
        first, end = round(start * rate), round((start + seconds) * rate)
        for block in file.mono(rate):
            parts.append(block[max(first - at, 0) : max(end - at, 0)])
            at += len(block)
            if at > end:
                break
        remarks = []
        if at > end:
            remarks.append(
                f"Measured {seconds:g} s from second {start:g} on; --start and --seconds choose others."
            )
        if file.facts.channels > 1:
            remarks.append(f"The {file.facts.channels} channels were mixed down.")
        if file.facts.rate > rate:
            remarks.append(f"The {file.facts.rate / 1000:g} kHz were resampled to {rate / 1000:g} kHz.")
        if file.not_numbers:
            remarks.append(f"{file.not_numbers} samples are no numbers, and were taken as silence.")
        if file.damaged_packets or file.facts.cut_off:
            remarks.append("The file is damaged: what can be heard of it was measured.")
    if not at:
        raise files.empty()
    if at <= first:
        raise ConfigurationError(f"The recording ends after {at / rate:.1f} s, before --start.")
    return _Heard(np.concatenate(parts), rate, start, tuple(remarks))


def _picture(heard: _Heard, told: VoiceFeatures, name: str, model: str | None, theme: Theme) -> bytes:
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigurationError(
            "Pictures need matplotlib. Install it with: pip install 'callguard[plots]'",
            code=PLOTS_NOT_INSTALLED,
        )
    from callguard.voice import plots  # noqa: PLC0415 - optional, and takes half a second

    return plots.png(
        plots.picture(
            heard.samples,
            told,
            title=headline(name, told),
            subtitle=summary(told),
            scores=_scores(heard, model),
            theme=theme,
            start_s=heard.start_s,
        )
    )


def _scores(heard: _Heard, model: str | None) -> list[Heard]:
    """What the detector says of each window of speech; nothing where it can't be used."""
    try:
        listener = Listener(Choice.of(load_settings(), model).load())
        listener.feed(resample(heard.samples, heard.rate, SAMPLE_RATE))
        listener.end()
    except DetectorError as error:
        tell(f"The score is left out: {error}")
        return []
    return listener.track
