"""Voices to measure: vowels made of known parts, and the recorded people of the demo's calls."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callguard.local.recordings import AUDIO_FOLDER
from callguard.speech import wav

Sound = NDArray[np.float64]

HUMANS = ("harmless-human-caller", "harmless-human-callee")
VOWELS = {  # formants of men, after Peterson and Barney, JASA 24 (1952); F4 as usual
    "i": (270.0, 2290.0, 3010.0, 3600.0),
    "a": (730.0, 1090.0, 2440.0, 3400.0),
    "u": (300.0, 870.0, 2240.0, 3300.0),
    "ae": (660.0, 1720.0, 2410.0, 3500.0),
}
_BANDWIDTHS = (60.0, 90.0, 150.0, 200.0, 200.0, 250.0, 300.0)


def human(name: str) -> tuple[Sound, int]:
    """A recorded person, telephone quality, and the rate."""
    return wav.samples(Path(AUDIO_FOLDER / f"{name}.wav").read_bytes())


def pulses(times: Sound, amplitudes: Sound, rate: int, seconds: float) -> Sound:
    """Band-limited impulses at `times` in seconds, below 0.45 of the rate: exact between samples."""
    frequencies = np.fft.rfftfreq(round(seconds * rate), 1 / rate)
    spectrum = np.zeros(len(frequencies), complex)
    for time, amplitude in zip(times, amplitudes, strict=True):
        spectrum += amplitude * np.exp(-2j * np.pi * frequencies * time)
    sound = np.fft.irfft(np.where(frequencies < 0.45 * rate, spectrum, 0), round(seconds * rate))
    scaled: Sound = sound * (rate / 100)
    return scaled


def vowel(excitation: Sound, formants: tuple[float, ...], rate: int) -> Sound:
    """An excitation through a tract with these resonances and higher ones, with the slope of the glottis."""
    frequencies = np.fft.rfftfreq(len(excitation), 1 / rate)
    z = np.exp(-2j * np.pi * frequencies / rate)
    zero, pole = np.exp(-2 * np.pi * np.array((130, 77)) / rate)
    response = (1 - zero * z) / (1 - pole * z) ** 2
    higher = [hertz for hertz in (4500.0, 5500.0, 6500.0) if hertz < 0.45 * rate]
    for hertz, bandwidth in zip((*formants, *higher), _BANDWIDTHS, strict=False):
        radius = np.exp(-np.pi * bandwidth / rate)
        response /= 1 - 2 * radius * np.cos(2 * np.pi * hertz / rate) * z + radius**2 * z**2
    spoken = np.fft.irfft(np.fft.rfft(excitation) * response, len(excitation))
    spoken -= spoken.mean()
    scaled: Sound = 0.5 * spoken / np.abs(spoken).max()
    return scaled


def spoken(f0: float, name: str = "a", rate: int = 16_000, seconds: float = 1.0) -> Sound:
    """A steady vowel of a man's tract at `f0` Hz."""
    times = np.arange(0.02, seconds - 0.02, 1 / f0)
    return vowel(pulses(times, np.ones(len(times)), rate, seconds), VOWELS[name], rate)


def noise(seconds: float, rate: int = 16_000, level: float = 0.1) -> Sound:
    """White noise, the same each time."""
    return np.random.default_rng(7).normal(0, level, round(seconds * rate))


def tone(hertz: float, seconds: float = 1.0, rate: int = 16_000, level: float = 0.5) -> Sound:
    """A sine."""
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
