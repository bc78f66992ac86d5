"""The detector that comes with callguard: steady, quick, and modest about what is no voice."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import callguard.local
from callguard.errors import DetectorError
from callguard.voice.activity import speech_windows
from callguard.voice.deepfake import shipped
from callguard.voice.deepfake.features import LINE, TOLD, Encoder, features
from callguard.voice.deepfake.front import MEASURED, line, measures
from callguard.voice.deepfake.port import Detector
from callguard.voice.files import read
from tests.unit.voice.sounds import hiss, speech

CLIPS = Path(callguard.local.__file__).parent / "audio"
Windows = list[NDArray[np.float32]]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return shipped.load()


@pytest.fixture(scope="module")
def windows() -> Windows:
    """A person's voice and an engine's, by telephone."""
    heard = [read(CLIPS / f"{name}-caller.wav")[0] for name in ("harmless-human", "scam")]
    return [speech_windows(samples)[0].samples for samples in heard]


def told(detector: Detector, windows: Windows) -> list[float]:
    scores = [each.score for each in detector.score(windows)]
    assert None not in scores
    return [score for score in scores if score is not None]


def test_it_names_its_version_and_scores_each_window(detector: Detector, windows: Windows) -> None:
    scores = detector.score([*windows, windows[0][:24_000]])
    assert detector.version.startswith("voice-")
    assert [score.speech_s for score in scores] == [4.0, 4.0, 3.0]
    assert all(score.reason is None and score.score is not None for score in scores)


def test_no_window_gives_no_score(detector: Detector) -> None:
    assert detector.score([]) == []


def test_a_window_scores_the_same_alone_among_others_and_again(detector: Detector, windows: Windows) -> None:
    many = [*windows, windows[0][:26_000], speech(4.0), *windows, *windows, *windows]
    together = told(detector, many)
    alone = [told(detector, [window])[0] for window in many]
    assert np.allclose(together, alone, atol=1e-4)
    assert told(shipped.load(), many) == together


def test_how_loud_a_window_is_does_not_matter(detector: Detector, windows: Windows) -> None:
    quiet = [(window * 0.1).astype(np.float32) for window in windows]
    assert np.allclose(told(detector, windows), told(detector, quiet), atol=0.02)


def test_silence_gives_a_number_and_no_warning(detector: Detector) -> None:
    """The guard refuses it before; the detector must still not fall over it."""
    assert all(0 <= score <= 1 for score in told(detector, [np.zeros(32_000, np.float32), hiss(4.0, 0.01)]))


def test_the_demos_person_is_not_called_synthetic(detector: Detector, windows: Windows) -> None:
    person, _ = told(detector, windows)
    assert person < 0.7


def test_it_is_quick_enough_for_a_call(detector: Detector, windows: Windows) -> None:
    """Told in processor time, so that a busy machine doesn't count; the aim is 60 ms."""
    detector.score(windows)
    before = time.process_time()
    detector.score(windows * 4)
    assert (time.process_time() - before) / 8 < 0.15


def test_features_have_the_sizes_that_the_model_was_fitted_to(windows: Windows) -> None:
    seen, of_line = features(Encoder(shipped.FOLDER / "encoder.onnx"), windows)
    assert seen.shape == (2, TOLD)
    assert of_line.shape == (2, LINE)
    assert seen.dtype == of_line.dtype == np.float32


@pytest.mark.parametrize("seconds", [1.5, 3.0, 4.0])
def test_as_much_is_measured_of_a_short_window_and_all_of_it_is_finite(seconds: float) -> None:
    found = measures(speech(seconds))
    assert found.shape == (MEASURED,)
    assert np.isfinite(found).all()


def test_noise_raises_the_floor_of_the_line() -> None:
    clean, noisy = speech(4.0), speech(4.0) + hiss(4.0, 0.02)
    bands = slice(24, 48)
    assert line(noisy)[bands].mean() > line(clean)[bands].mean() + 1


def test_damaged_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "encoder.onnx").write_bytes(b"nothing")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(DetectorError) as raised:
        shipped.load()
    assert raised.value.code == "DETECTOR_UNREADABLE"
