"""`callguard features`: a table for people, JSON for programs, a picture, and clear words for odd files."""

import json
import math
import stat
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from callguard.cli.main import app
from callguard.errors import AudioError, CallguardError, ConfigurationError
from callguard.local.recordings import AUDIO_FOLDER
from tests.unit.voice.networks import calibrated, network

HUMAN = AUDIO_FOLDER / "harmless-human-caller.wav"


def callguard(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


def written(path: Path, samples: NDArray[np.float64], rate: int = 8000) -> Path:
    """A WAV file of samples, frames x channels or of one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def tone(hertz: float, seconds: float, rate: int = 8000) -> NDArray[np.float64]:
    sine: NDArray[np.float64] = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return sine


def refusal(result: Result) -> CallguardError:
    assert isinstance(result.exception, CallguardError)
    return result.exception


def test_the_table_tells_values_units_and_meanings() -> None:
    lines = callguard(HUMAN, "--seconds", 4).stdout.splitlines()
    rows = {words[0]: words for line in lines if len(words := line.split()) > 2}

    assert lines[0].startswith("harmless-human-caller.wav: 4.0 s, 8 kHz")
    assert 150 < float(rows["f0_hz"][1]) < 260
    assert rows["f0_hz"][2:] == ["Hz", "pitch,", "median"]
    assert rows["hnr_db"][2] == "dB"
    assert rows["formant"][1] == "F4"
    assert max(map(len, lines)) <= 80


def test_the_json_is_complete_and_the_same_each_time() -> None:
    first, second = (callguard(HUMAN, "--seconds", 2, "--json").stdout for _ in range(2))
    document = json.loads(first)

    assert first == second
    assert list(document) == ["file", "start_sec", "dsp_features", "tracks"]
    assert document["file"] == HUMAN.name
    assert document["dsp_features"]["sample_rate"] == 8000
    assert len(document["dsp_features"]["formant_frequencies"]) == 4
    assert {len(track) for track in document["tracks"].values()} == {201}
    assert "NaN" not in first


def test_a_part_is_measured(tmp_path: Path) -> None:
    low_then_high = written(tmp_path / "two.wav", np.concatenate([tone(150, 12), tone(250, 12)]))
    document = json.loads(callguard(low_then_high, "--json", "--start", 11.5, "--seconds", 2).stdout)

    assert document["start_sec"] == 11.5
    assert document["dsp_features"]["duration_sec"] == 2
    assert document["dsp_features"]["f0_high_hz"] == pytest.approx(250, rel=0.01)
    assert document["dsp_features"]["f0_low_hz"] == pytest.approx(150, rel=0.01)


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    stereo = written(tmp_path / "long.wav", np.column_stack([tone(150, 30), tone(150, 30)]))
    told = callguard(stereo, "--seconds", 3)

    assert "Measured 3 s from second 0 on" in told.stderr
    assert "2 channels were mixed down" in told.stderr
    assert "Measured" not in callguard(HUMAN).stderr


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "voice.png"
    told = callguard(HUMAN, "--seconds", 2, "--plot", picture, "--theme", "dark")

    assert f"Picture: {picture}" in told.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600


def test_the_picture_has_the_score_where_a_detector_can_be_loaded(tmp_path: Path) -> None:
    net = calibrated(network(tmp_path / "net.onnx"))
    heights = {}
    for model in (net, tmp_path / "none.onnx"):
        picture = tmp_path / f"{model.stem}.png"
        told = callguard(HUMAN, "--plot", picture, "--model", model)
        heights["The score is left out" in told.stderr] = int.from_bytes(picture.read_bytes()[20:24], "big")

    assert heights == {False: 1183, True: 972}


def test_pictures_are_png_files_in_a_folder_that_is_there(tmp_path: Path) -> None:
    other = refusal(callguard(HUMAN, "--seconds", 1, "--plot", tmp_path / "voice.svg"))
    nowhere = refusal(callguard(HUMAN, "--seconds", 1, "--plot", tmp_path / "none" / "voice.png"))

    assert isinstance(other, ConfigurationError)
    assert ".png" in other.message
    assert "can't be written" in nowhere.message


def test_without_the_drawing_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    refused = refusal(callguard(HUMAN, "--seconds", 1, "--plot", tmp_path / "voice.png"))

    assert refused.code == "PLOTS_NOT_INSTALLED"
    assert "callguard[plots]" in refused.message


def test_silence_tones_and_noise_are_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 16_000)

    assert "silent" in callguard(written(tmp_path / "silence.wav", np.zeros(8000))).stdout
    assert "rather a tone than a voice" in callguard(written(tmp_path / "tone.wav", tone(425, 2))).stdout
    assert "No voiced sound was found" in callguard(written(tmp_path / "noise.wav", noise)).stdout
    assert "rather a tone" not in callguard(HUMAN).stdout


def test_eight_channels_at_192_khz(tmp_path: Path) -> None:
    wide = written(tmp_path / "wide.wav", np.column_stack([tone(180, 0.5, 192_000)] * 8), 192_000)
    told = callguard(wide, "--json")
    measured = json.loads(told.stdout)["dsp_features"]

    assert "192 kHz were resampled to 48 kHz" in told.stderr
    assert measured["sample_rate"] == 48_000
    assert measured["f0_hz"] == pytest.approx(180, rel=0.005)


def test_samples_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    floats = np.where(np.arange(8000) < 100, np.nan, tone(180, 1)).astype("<f4").tobytes()
    header = b"fmt " + (18).to_bytes(4, "little") + b"\x03\0\x01\0" + (8000).to_bytes(4, "little")
    header += (32_000).to_bytes(4, "little") + b"\x04\0\x20\0\0\0"
    body = b"WAVE" + header + b"data" + len(floats).to_bytes(4, "little") + floats
    (tmp_path / "nan.wav").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    told = callguard(tmp_path / "nan.wav", "--json")

    assert "100 samples are no numbers" in told.stderr
    assert math.isclose(json.loads(told.stdout)["dsp_features"]["f0_hz"], 180, rel_tol=0.01)


def test_what_can_not_be_measured_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("these are words")
    short = written(tmp_path / "short.wav", tone(150, 0.05))
    codes = {
        name: refusal(callguard(tmp_path / name)).code for name in ("none.wav", "words.wav", "short.wav")
    }

    assert codes == {
        "none.wav": "AUDIO_NOT_FOUND",
        "words.wav": "AUDIO_UNREADABLE",
        "short.wav": "AUDIO_TOO_SHORT",
    }
    assert isinstance(refusal(callguard(short)), AudioError)
    assert "ends after 14.8 s" in refusal(callguard(HUMAN, "--start", 60)).message
