"""Synthetic clips made here: people's own words through a vocoder, and sentences read by classic engines.

A copy has its original's channel, words and voice, so all that sets it apart is the vocoder.
"""

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
import pyworld
import soundfile
from numpy.typing import NDArray
from scipy.signal import istft, stft

from callguard.voice.resampling import resample
from training.voice.corpora import ENGINE_FOLDS, RATE, Clip, Samples, at_level, speech

TEXTS: Final = Path(__file__).parent.parent / "text" / "en" / "appointments.jsonl"
WORLD_RATE: Final = 16_000
ROUNDS: Final = 32
MELS: Final = 64
LONGEST_S: Final = 6
ESPEAK_VOICES: Final = tuple(
    f"{accent}+{variant}"
    for accent in ("en-gb", "en-us", "en-gb-scotland", "en-029")
    for variant in ("m1", "m3", "m5", "m7", "f1", "f2", "f4", "f5", "klatt2", "linda")
)
FLITE_VOICES: Final = ("kal", "kal16", "awb", "rms", "slt")
SENTENCES: Final = {"espeak": 3, "flite": 14}
"""For each voice."""


def world(samples: Samples) -> Samples:
    """WORLD (Morise et al., 2016) and back, at 16 kHz: D4C looks up to 7.9 kHz, be there anything or not."""
    sound = resample(samples.astype(np.float64), RATE, WORLD_RATE)
    pitch, times = pyworld.dio(sound, WORLD_RATE)
    pitch = pyworld.stonemask(sound, pitch, times, WORLD_RATE)
    envelope = pyworld.cheaptrick(sound, pitch, times, WORLD_RATE)
    aperiodicity = pyworld.d4c(sound, pitch, times, WORLD_RATE)
    made = pyworld.synthesize(pitch, envelope, aperiodicity, WORLD_RATE)
    return resample(made, WORLD_RATE, RATE).astype(np.float32)[: len(samples)]


def _mel_bank(size: int) -> NDArray[np.float64]:
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    rising = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)) + 1e-9


def griffin_lim(samples: Samples) -> Samples:
    """A mel spectrogram, and phases found for it by Griffin and Lim's method (1984)."""
    size, hop = 512, 128
    _, _, spectra = stft(samples, RATE, nperseg=size, noverlap=size - hop)
    bank = _mel_bank(size)
    size_wanted = np.maximum(np.linalg.pinv(bank) @ (bank @ np.abs(spectra)), 0)
    turned = np.exp(2j * np.pi * np.random.default_rng(len(samples)).random(spectra.shape))
    for _ in range(ROUNDS):
        _, sound = istft(size_wanted * turned, RATE, nperseg=size, noverlap=size - hop)
        _, _, again = stft(sound, RATE, nperseg=size, noverlap=size - hop)
        turned = np.exp(1j * np.angle(again[:, : spectra.shape[1]]))
    return np.asarray(sound, np.float32)[: len(samples)]


def copies(originals: list[tuple[Clip, Samples]]) -> Iterator[tuple[Clip, Samples]]:
    """Each human clip in turn by WORLD and by Griffin-Lim."""
    for index, (clip, samples) in enumerate(originals):
        engine, vocoder = (("world", world), ("griffin-lim", griffin_lim))[index % 2]
        name = f"{clip.name}+{engine}"
        made = replace(clip, name=name, spoof=True, era="copy", engine=engine, original=clip.name)
        yield made, at_level(vocoder(samples))


def _said(engine: str, voice: str, text: str) -> Samples:
    if engine == "espeak":
        done = subprocess.run(
            ["espeak-ng", "-v", voice, "--stdout", text], check=True, capture_output=True, timeout=60
        )
        heard = io.BytesIO(done.stdout)
    else:
        command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
        heard = io.BytesIO(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    samples, rate = soundfile.read(heard, dtype="float32")
    return speech(samples, rate)[: LONGEST_S * RATE]


def classics() -> Iterator[tuple[Clip, Samples]]:
    """Sentences of the training texts, read by espeak-ng and flite."""
    missing = [command for command in ("espeak-ng", "flite") if shutil.which(command) is None]
    if missing:
        raise SystemExit(f"Not installed: {', '.join(missing)}. Both are Debian packages.")
    lines = [json.loads(line) for line in TEXTS.read_text().splitlines()]
    texts = [turn["text"] for line in lines for turn in line["turns"] if len(turn["text"]) > 60]
    told = cycle(texts)
    for engine, voices in (("espeak", ESPEAK_VOICES), ("flite", FLITE_VOICES)):
        for voice in voices:
            for number in range(SENTENCES[engine]):
                found = _said(engine, voice, next(told))
                name = f"{engine}/{voice}/{number}"
                made = Clip(
                    name, Path(), True, "classic", engine, f"{engine}-{voice}", engine, ENGINE_FOLDS[engine]
                )
                if len(found):
                    yield made, at_level(found)
