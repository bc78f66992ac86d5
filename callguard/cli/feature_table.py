"""The features of a voice as a table on a terminal: value, unit, and what it means in a few words."""

from typing import Final, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from callguard.cli.running import printable
from callguard.voice.dsp.features import VoiceFeatures


class _Row(NamedTuple):
    name: str
    digits: int
    unit: str
    meaning: str


_SOUND: Final = (
    _Row("level_dbfs", 1, "dBFS", "mean level; 0 is full scale"),
    _Row("crest_factor", 1, "dB", "peak over mean level"),
    _Row("clipping_rate", 5, "", "samples cut off, share"),
    _Row("spectral_centroid", 0, "Hz", "centre of the spectrum"),
    _Row("spectral_rolloff", 0, "Hz", "85 % of it lies below"),
    _Row("spectral_flatness", 4, "", "0 tone, 1 flat noise"),
    _Row("spectral_flux", 3, "", "change in 10 ms; at most 1.41"),
    _Row("band_energy_ratio_low", 3, "", "energy below 1 kHz, share"),
    _Row("band_energy_ratio_high", 3, "", "energy above 2.5 kHz, share"),
    _Row("phase_coherence", 3, "", "1 steady tones, 0.3 noise"),
)
_VOICE: Final = (
    _Row("voiced_ratio", 3, "", "time with voiced sound, share"),
    _Row("f0_hz", 1, "Hz", "pitch, median"),
    _Row("f0_low_hz", 1, "Hz", "pitch, 5th percentile"),
    _Row("f0_high_hz", 1, "Hz", "pitch, 95th percentile"),
    _Row("hnr_db", 1, "dB", "harmonics over noise"),
    _Row("jitter_percent", 2, "%", "period, cycle to cycle"),
    _Row("shimmer_percent", 2, "%", "loudness, cycle to cycle"),
)
_STEADY: Final = 1.01  # a held vowel wavers more
_TRACT: Final = ("jaw", "tongue", "lips and tongue tip", "throat")


def print_features(console: Console, name: str, told: VoiceFeatures) -> None:
    """All values; a dash where the recording has none."""
    console.print(headline(name, told), style="bold", markup=False, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("feature", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("meaning")
    for group in (_SOUND, _VOICE):
        for row in group:
            table.add_row(row.name, _figure(getattr(told, row.name), row.digits), row.unit, row.meaning)
        table.add_section()
    for number, (formant, meaning) in enumerate(zip(told.formant_frequencies, _TRACT, strict=True), start=1):
        table.add_row(f"formant F{number}", _figure(formant, 0), "Hz", f"resonance: {meaning}")
    console.print(table)
    for note in _notes(told):
        console.print(note, markup=False, highlight=False)


def headline(name: str, told: VoiceFeatures) -> str:
    """File, duration and rate."""
    return f"{printable(name)}: {told.duration_sec:.1f} s, {told.sample_rate / 1000:g} kHz"


def summary(told: VoiceFeatures) -> str:
    """The voice in a line."""
    if told.f0_hz is None:
        return "no voiced sound found"
    formants = " ".join(_figure(formant, 0) for formant in told.formant_frequencies)
    return "   ".join(
        (
            f"F0 {told.f0_hz:.0f} Hz",
            f"HNR {_figure(told.hnr_db, 1)} dB",
            f"jitter {_figure(told.jitter_percent, 1)} %",
            f"shimmer {_figure(told.shimmer_percent, 1)} %",
            f"F1 to F4 {formants} Hz",
        )
    )


def _notes(told: VoiceFeatures) -> list[str]:
    if told.spectral_centroid is None:
        return ["The recording is silent: there is nothing to measure."]
    notes = []
    if told.f0_hz is None:
        notes.append("No voiced sound was found, so there is no pitch, and nothing that rests on it.")
    elif told.f0_high_hz and told.f0_low_hz and told.f0_high_hz / told.f0_low_hz < _STEADY:
        notes.append("The pitch hardly moves: what was measured is rather a tone than a voice.")
    if told.clipping_rate > 0:
        notes.append("Peaks are cut off: spectrum, formants and shimmer suffer from it.")
    return notes


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
