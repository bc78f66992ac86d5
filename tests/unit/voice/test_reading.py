"""Recordings as detectors hear them, however they are written."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from callguard.errors import AudioError
from callguard.voice.reading import pieces
from tests.unit.voice.recordings import recording, voice


@pytest.mark.parametrize("seconds", [0.001, 0.7, 2.0, 60.0])
def test_pieces_are_as_long_as_asked_and_together_the_whole(tmp_path: Path, seconds: float) -> None:
    told = list(pieces(recording(tmp_path / "a.wav", 3.3), seconds))
    assert {len(piece) for piece in told[:-1]} <= {round(seconds * 8000)}
    assert 0 < len(told[-1]) <= round(seconds * 8000)
    assert np.abs(np.concatenate(told) - voice(3.3, 0, bright=False)).max() < 1e-4


def test_any_rate_and_number_of_channels_is_heard_at_8_khz(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    time = np.arange(192_000) / 192_000
    soundfile.write(path, np.stack([0.3 * np.sin(2 * np.pi * 440 * time)] * 8, axis=1), 192_000)
    (heard,) = pieces(path, 10)
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    assert np.abs(heard - expected)[100:-100].max() < 0.01


@pytest.mark.parametrize(("every", "is_heard"), [(1000, True), (20, False), (1, False)])
def test_samples_that_are_no_numbers_may_be_few(tmp_path: Path, every: int, is_heard: bool) -> None:
    path = tmp_path / "odd.wav"
    samples = voice(3.0, 1, bright=True).copy()
    samples[::every] = np.nan
    soundfile.write(path, samples, 8000, subtype="FLOAT")
    if is_heard:
        assert np.isfinite(np.concatenate(list(pieces(path, 1)))).all()
        return
    with pytest.raises(AudioError) as caught:
        list(pieces(path, 1))
    assert caught.value.code == "AUDIO_DAMAGED"


def test_a_recording_without_a_sample_is_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 8000)
    with pytest.raises(AudioError) as caught:
        list(pieces(tmp_path / "none.wav", 1))
    assert caught.value.code == "AUDIO_EMPTY"
