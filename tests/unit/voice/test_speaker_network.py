"""The front end and the network in numpy and ONNX beside the originals, whose answers are recorded."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callguard.voice.speaker import model
from callguard.voice.speaker.embedding import Encoder
from callguard.voice.speaker.mel import mel

REFERENCE = Path(__file__).parents[2] / "data" / "speaker" / "reference.npz"
"""Written by training/speaker/reference.py."""


@pytest.fixture(scope="module")
def reference() -> dict[str, NDArray[np.float32]]:
    with np.load(REFERENCE) as arrays:
        return dict(arrays)


def test_the_spectrogram_is_the_original_ones(reference: dict[str, NDArray[np.float32]]) -> None:
    ours = mel(reference["sound"] * np.float32(1 / 32768), 16_000)
    theirs = reference["spectrogram"]
    assert ours[: len(theirs)] == pytest.approx(theirs, abs=1e-5 * float(theirs.max()), rel=1e-4)


def test_at_8000_hz_it_is_what_lies_below_4000_hz() -> None:
    time = np.arange(16_000) / 16_000
    wide = (0.3 * np.sin(2 * np.pi * (300 + 1000 * time) * time)).astype(np.float32)
    narrow = wide[::2]  # nothing of it is above 2400 Hz
    high, low = mel(wide, 16_000)[5:-5], mel(narrow, 8000)[5:-5]
    assert low == pytest.approx(high, abs=2e-2 * float(high.max()))


def test_the_network_says_what_the_trained_one_says(reference: dict[str, NDArray[np.float32]]) -> None:
    ours = Encoder().embed(np.tile(reference["sound"] * np.float32(1 / 32768), 3)[::2])
    assert float(ours @ reference["embedding"]) > 0.9999
    assert float(np.linalg.norm(ours)) == pytest.approx(1, abs=1e-5)


def test_the_same_speech_louder_has_the_same_embedding() -> None:
    rng = np.random.default_rng(3)
    sound = np.cumsum(rng.normal(0, 0.01, 16_000)).astype(np.float32)
    sound -= sound.mean()
    encoder = model.load().encoder
    assert float(encoder.embed(sound) @ encoder.embed(sound * np.float32(0.1))) > 0.9999


def test_too_little_to_embed_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"1\.6 s"):
        Encoder().embed(np.zeros(8000, np.float32))
