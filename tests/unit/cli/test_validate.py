"""`callguard validate`, as somebody types it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from callguard.cli.main import app
from callguard.voice.files import read
from callguard.voice.levels import gain
from tests.unit.voice.sounds import hiss, silence, speech
from tests.unit.voice.wav_files import wav

CLEAR = np.concatenate([hiss(1, 0.0005), speech(4), hiss(1, 0.0005)])

Ran = Callable[..., Result]


@pytest.fixture
def validate() -> Ran:
    return lambda *arguments: CliRunner().invoke(app, ["validate", *map(str, arguments)])


@pytest.fixture
def clear(tmp_path: Path) -> Path:
    path = tmp_path / "clear.wav"
    path.write_bytes(wav(CLEAR))
    return path


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """Of two channels, and far too quiet."""
    path = tmp_path / "quiet.mp3"
    path.write_bytes(wav(gain(np.stack([CLEAR, CLEAR], axis=1), -30)))
    return path


def told(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_clear_recording_is_fine(validate: Ran, clear: Path) -> None:
    result = validate(clear)

    assert result.exit_code == 0
    assert f"{clear}: fine" in result.output
    assert "wav (pcm_s16le), 8000 Hz, 1 channel, 6.0 s, 4." in result.output


def test_warnings_end_in_an_error_only_where_one_is_strict(validate: Ran, quiet: Path) -> None:
    mild, strict = validate(quiet), validate(quiet, "--strict")

    assert (mild.exit_code, strict.exit_code) == (0, 1)
    for code in ("LEVEL_LOW", "WRONG_EXTENSION", "CHANNELS_SAME"):
        assert code in mild.output


def test_errors_end_in_status_1(validate: Ran, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    path.write_bytes(wav(silence(5)))
    result = validate(path)

    assert result.exit_code == 1
    assert "AUDIO_NO_SPEECH: nobody speaks" in result.output


def test_a_file_that_is_no_recording_ends_in_status_2_and_the_others_are_still_told(
    validate: Ran, clear: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words.wav"
    words.write_text("no sound at all")
    result = validate(words, tmp_path / "missing.wav", clear)

    assert result.exit_code == 2
    assert "AUDIO_UNREADABLE" in result.output
    assert "AUDIO_NOT_FOUND" in result.output
    assert "3 files: 1 fine, 2 unreadable" in result.output


def test_the_mended_file_is_a_new_one_and_fine(validate: Ran, quiet: Path) -> None:
    before = quiet.read_bytes()
    result = validate(quiet, "--auto-fix", "--strict")
    samples, facts = read(quiet.with_name("quiet.mp3.fixed.wav"))

    assert result.exit_code == 0
    assert "mixed 2 channels to one, changed the level by +" in result.output
    assert quiet.read_bytes() == before
    assert (facts.channels, facts.rate) == (1, 8000)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(10 ** (-27.5 / 20), rel=0.2)


def test_what_cannot_be_mended_is_still_told(validate: Ran, tmp_path: Path) -> None:
    path = tmp_path / "clipped.wav"
    path.write_bytes(wav(gain(np.concatenate([silence(4), CLEAR.clip(-0.15, 0.15), silence(4)]), -30)))
    result = validate(path, "--auto-fix")

    assert result.exit_code == 1
    assert "left in it:" in result.output
    assert "CLIPPED" in result.output.split("left in it:")[1]


def test_two_parties_in_one_mix_are_still_told(validate: Ran, tmp_path: Path) -> None:
    path = tmp_path / "both.wav"
    path.write_bytes(wav(np.stack([CLEAR, np.roll(CLEAR, 20_000)], axis=1)))
    result = validate(path, "--auto-fix")

    assert "mixed 2 channels to one" in result.output
    assert "CHANNELS_DIFFER" in result.output.split("left in it:")[1]


def test_a_mended_file_is_not_overwritten(validate: Ran, quiet: Path) -> None:
    kept = quiet.with_name("quiet.mp3.fixed.wav")
    kept.write_bytes(b"somebody's own")
    result = validate(quiet, "--auto-fix")

    assert result.exit_code == 2
    assert "AUDIO_NOT_WRITTEN" in result.output
    assert kept.read_bytes() == b"somebody's own"


def test_a_fine_file_is_left_alone(validate: Ran, clear: Path) -> None:
    assert "nothing to mend" in validate(clear, "--auto-fix").output
    assert [path.name for path in clear.parent.iterdir()] == ["clear.wav"]


def test_json_tells_all_of_it(validate: Ran, clear: Path, quiet: Path) -> None:
    result = validate(clear, quiet, clear.with_name("missing.wav"), "--json", "--auto-fix")
    fine, warned, missing = told(result)["files"]

    assert result.exit_code == 2
    assert told(result)["summary"] == {"fine": 2, "warnings": 0, "errors": 0, "unreadable": 1}
    assert (fine["verdict"], fine["findings"], fine["mended"], fine["refused"]) == ("fine", [], None, None)
    assert fine["measured"]["facts"]["encoding"] == "pcm_s16le"
    assert fine["measured"]["levels"]["active_dbfs"] == pytest.approx(-20, abs=1)
    assert {finding["code"] for finding in warned["findings"]} >= {"LEVEL_LOW", "WRONG_EXTENSION"}
    assert warned["mended"]["steps"][0] == "mixed 2 channels to one"
    assert warned["mended"]["findings"] == []
    assert (missing["measured"], missing["refused"]["code"]) == (None, "AUDIO_NOT_FOUND")


def test_nothing_to_validate_is_a_usage_error(validate: Ran) -> None:
    assert validate().exit_code == 2
