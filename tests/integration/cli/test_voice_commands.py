"""`callguard score`, `stream` and `batch` as a person runs them, with a small network given by its path."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callguard.voice.deepfake.remote import wav
from tests.integration.cli.conftest import Finished, inside
from tests.unit.voice.networks import calibrated, network, wave
from tests.unit.voice.recordings import recording, voice

Run = Callable[..., Finished]


@pytest.fixture
def net(tmp_path: Path) -> str:
    """Scores bright voices high (their brightness is 2.5), dull ones low (.4)."""
    return str(calibrated(network(tmp_path / "net.onnx"), slope=4, offset=-6))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: object) -> Finished:
        return inside(monkeypatch, tmp_path, *map(str, arguments))

    return run


def test_a_bright_voice_is_likely_synthetic(here: Run, net: str, tmp_path: Path) -> None:
    ended = here("score", recording(tmp_path / "a.wav", 9, bright=True), "--model", net, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert set(told) == {
        "file_path", "score", "low", "high", "label", "risk_level", "reason",
        "speech_seconds", "duration_seconds", "model_version", "windows",
    }  # fmt: skip
    assert (told["label"], told["risk_level"], told["reason"]) == ("likely_synthetic", "HIGH", None)
    assert told["low"] < told["score"] < told["high"]
    assert told["duration_seconds"] == 9
    assert [w["start_s"] for w in told["windows"]] == sorted(w["start_s"] for w in told["windows"])
    assert len(told["windows"]) >= 3
    assert told["model_version"].startswith("onnx ")


def test_people_read_no_evidence_never_human(here: Run, net: str, tmp_path: Path) -> None:
    ended = here("score", recording(tmp_path / "a.wav"), "--model", net)
    assert ended.status == 0, ended.err
    assert "no evidence of synthesis: 0.0" in ended.out
    assert "s of speech in 6 s" in ended.out
    assert "human" not in ended.out
    assert "real" not in ended.out


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(80_000, np.float32), "NOT_ENOUGH_SPEECH"),
        (np.zeros(1600, np.float32), "NOT_ENOUGH_SPEECH"),
        (voice(2.0, 1, bright=True), "NOT_ENOUGH_SPEECH"),
        (wave(440, 10.0), "TONES"),
        (np.clip(voice(9.0, 1, bright=False) * 100, -0.9, 0.9), "CLIPPED"),
    ],
    ids=["silence", "0.2 s", "2 s", "tone", "clipped"],
)
def test_what_can_not_be_judged_is_a_state(
    here: Run, net: str, tmp_path: Path, samples: NDArray[np.float32], reason: str
) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(wav(samples))
    for command in ("score", "stream"):
        ended = here(command, path, "--model", net, "--json")
        told = json.loads(ended.out if command == "score" else ended.out.splitlines()[-1])
        assert ended.status == 1, ended.err
        assert (told["score"], told["label"], told["risk_level"]) == (None, "uncertain", "UNSCORED")
        assert told["reason"] == reason
    assert "no score" in here("score", path, "--model", net).out


@pytest.mark.parametrize("chunk", ["0.1", "1.7", "10", "600"])
def test_a_stream_ends_with_the_score_of_the_file(here: Run, net: str, tmp_path: Path, chunk: str) -> None:
    path = recording(tmp_path / "a.wav", 13.3, seed=4, bright=True)
    whole = json.loads(here("score", path, "--model", net, "--json").out)
    ended = here("stream", path, "--chunk-duration", chunk, "--model", net, "--json")
    assert ended.status == 0, ended.err
    *chunks, result = map(json.loads, ended.out.splitlines())
    assert result == {"type": "result", **whole}
    assert [each["type"] for each in chunks] == ["chunk"] * len(chunks)
    assert [each["chunk"] for each in chunks] == list(range(1, len(chunks) + 1))
    assert chunks[-1]["seconds"] == pytest.approx(13.3, abs=0.01)
    assert sum(len(each["newest"]) for each in chunks) in (len(whole["windows"]), len(whole["windows"]) - 1)


def test_a_stream_tells_how_far_it_is(here: Run, net: str, tmp_path: Path) -> None:
    path = recording(tmp_path / "a.wav", 12, bright=True)
    ended = here("stream", path, "--chunk-duration", "4", "--model", net)
    assert ended.status == 0, ended.err
    assert "0:04.0" in ended.out
    assert "no score: not enough speech" in ended.out.splitlines()[0]
    assert "likely synthetic" in ended.out


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    recording(folder / "bright.wav", bright=True)
    recording(folder / "sub" / "dull.wav")
    (folder / "short.wav").write_bytes(wav(voice(1.0, 0, bright=True)))
    (folder / "broken.wav").write_bytes(b"RIFF junk")
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "notes.txt").write_text("none of ours")
    return folder


def test_a_folder_comes_out_as_a_risk_report(here: Run, net: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    ended = here("batch", str(folder), "--report", "r.json", "--model", net, "--concurrency", "2", "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert told == json.loads((tmp_path / "r.json").read_text())
    assert {key: told[key] for key in ("total_calls", "high_risk", "medium_risk", "low_risk")} == {
        "total_calls": 5, "high_risk": 1, "medium_risk": 0, "low_risk": 1,
    }  # fmt: skip
    assert (told["unscored"], told["errors"]) == (1, 3)
    rows = {row["call_id"]: row for row in told["calls"]}
    assert {name: row["risk_level"] for name, row in rows.items()} == {
        "bright": "HIGH", "dull": "LOW", "short": "UNSCORED", "broken": "ERROR", "empty": "ERROR",
    }  # fmt: skip
    assert told["high_risk_calls"] == [rows["bright"]]
    assert rows["dull"]["file_path"] == str(folder / "sub" / "dull.wav")
    assert rows["dull"]["label"] == "likely_real"
    assert (rows["broken"]["score"], bool(rows["broken"]["error"])) == (None, True)
    assert told["average_score"] == pytest.approx((rows["bright"]["score"] + rows["dull"]["score"]) / 2)
    assert "left out: 1 of 6" in ended.err


def test_the_rows_alone_come_out_as_csv(here: Run, net: str, tmp_path: Path) -> None:
    recording(tmp_path / "calls" / "=cmd.wav", bright=True)
    ended = here("batch", "calls", "--report", "r.csv", "--model", net, "--concurrency", "1")
    assert ended.status == 0, ended.err
    assert "1 recordings: 1 high risk" in ended.out
    with (tmp_path / "r.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["call_id"], row["risk_level"]) == ("'=cmd", "HIGH")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "nowhere.wav", "--model", "NET"], "AUDIO"),
        (["stream", "nowhere.wav", "--model", "NET"], "AUDIO"),
        (["score", "a.wav", "--model", "nowhere.onnx"], "DETECTOR_NOT_FOUND"),
        (["score", "a.wav", "--model", "remote"], "Set DEEPFAKE_API_URL"),
        (["batch", "nowhere", "--model", "NET"], "is no folder"),
        (["batch", ".", "--model", "nowhere.onnx"], "DETECTOR_NOT_FOUND"),
        (["batch", "bare", "--model", "NET"], "no recordings in bare"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    here: Run, net: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "bare").mkdir()
    ended = here(*(net if word == "NET" else word for word in arguments))
    assert ended.status == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not ended.out
