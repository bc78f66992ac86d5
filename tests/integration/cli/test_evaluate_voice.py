"""`callguard evaluate voice` as a person runs it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Finished, inside
from tests.stand_ins.voice_server import voice_server
from tests.unit.voice.networks import LOUDNESS, calibrated, network
from tests.unit.voice.recordings import recording

HEAD = "path,label,source,speaker,codec\n"


def manifest(folder: Path, of_each: int = 8) -> str:
    """Bright synthetic voices of four engines, dull human ones of four corpora, and one that is damaged."""
    rows = []
    for seed in range(of_each):
        codec = "<script>gsm" if seed % 2 else "g711"
        for label, bright in (("synthetic", True), ("human", False)):
            name = f"{label}-{seed}.wav"
            recording(folder / "clips" / name, 6.5, seed, bright=bright)
            rows.append(f"clips/{name},{label},{label} {seed % 4},voice {seed},{codec}")
    (folder / "clips" / "torn.wav").write_bytes(b"RIFF")
    rows.append("clips/torn.wav,human,human 0,voice 0,g711")
    (folder / "set.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return "set.csv"


Run = Callable[..., Finished]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: object) -> Finished:
        return inside(monkeypatch, tmp_path, "evaluate", "voice", *map(str, arguments))

    return run


def test_a_detector_that_hears_the_difference(here: Run, tmp_path: Path) -> None:
    net = calibrated(network(tmp_path / "net.onnx"), slope=4, offset=-6)
    ended = here(manifest(tmp_path), "--detector", net, "--json", "--html", "report.html")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    (figures,) = told["detectors"]
    assert (told["manifest"], told["masked"], told["synthetic"], told["human"]) == ("set.csv", False, 8, 9)
    assert figures["all"]["auc"] == {"value": 1, "low": 1, "high": 1}
    assert figures["all"]["eer"]["value"] == 0
    assert (figures["all"]["found"]["value"], figures["all"]["alarms"]["value"]) == (1, 0)
    assert [(row["name"], row["synthetic"], row["human"]) for row in figures["engines"]] == [
        (f"synthetic {at}", 2, 8) for at in range(4)
    ]
    assert [(row["name"], row["synthetic"], row["human"]) for row in figures["corpora"]] == [
        (f"human {at}", 0, 2) for at in range(4)
    ]
    assert [(row["name"], row["synthetic"], row["human"]) for row in figures["codecs"]] == [
        ("<script>gsm", 4, 4), ("g711", 4, 4),
    ]  # fmt: skip
    assert [(row["name"], row["synthetic"] + row["human"]) for row in figures["seconds"]] == [
        ("4 to 8 s", 16)
    ]
    assert figures["unscored"] == {"synthetic": {}, "human": {"DAMAGED": 1}}
    assert figures["calibration"]["brier"] < 0.01
    assert told["control"]["synthetic"] == 8, "the control sees the same recordings"
    assert [(c["first"], c["second"], c["recordings"]) for c in told["comparisons"]] == [
        ("channel only", str(net), 16)
    ]
    page = (tmp_path / "report.html").read_text()
    assert 'aria-label="Synthetic voices missed against humans called synthetic"' in page
    assert 'aria-label="Share of synthetic voices by score"' in page
    assert "<script" not in page
    assert "&lt;script&gt;gsm" in page


def test_noise_over_both_classes_changes_the_score_and_is_the_same_again(here: Run, tmp_path: Path) -> None:
    net = calibrated(network(tmp_path / "net.onnx"), slope=4, offset=-6)
    name = manifest(tmp_path, 2)
    plain, masked, again, other = (
        json.loads(here(name, "--detector", net, "--json", *options).out)
        for options in ([], ["--masked"], ["--masked"], ["--masked", "--seed", "1"])
    )
    assert masked["masked"] is True
    assert masked == again
    briers = [told["detectors"][0]["calibration"]["brier"] for told in (plain, masked, other)]
    assert len(set(briers)) == 3


def test_several_detectors_are_compared_and_told_as_tables(here: Run, tmp_path: Path) -> None:
    bright = calibrated(network(tmp_path / "bright.onnx"), slope=4, offset=-6)
    loud = calibrated(network(tmp_path / "loud.onnx", kind=LOUDNESS))
    ended = here(manifest(tmp_path, 4), "--detector", loud, "--detector", bright)
    assert ended.status == 0, ended.err
    assert "4 synthetic and 5 human recordings" in ended.out
    assert f"{bright} over {loud}: AUC +" in ended.out.replace("\n", "")
    assert "channel only" in ended.out
    assert "Not scored, human: 1 DAMAGED" in ended.out


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibrating_makes_a_network_a_detector(here: Run, tmp_path: Path, method: str) -> None:
    net, name = network(tmp_path / "net.onnx"), manifest(tmp_path, 5)
    (tmp_path / "net.onnx.json").write_text('{"synthetic_class": 0}')
    assert here(name, "--detector", net).status == 2, "not calibrated yet"
    ended = here(name, "--detector", net, "--calibrate", method, "--json")
    assert ended.status == 0, ended.err
    assert "Calibrated on 10 synthetic and 10 human windows" in ended.err
    beside = json.loads((tmp_path / "net.onnx.json").read_text())
    assert beside["windows"] == [10, 10]
    assert beside["synthetic_class"] == 0, "what the operator set stays"
    assert set(beside) & {"platt", "isotonic"} == {method}
    assert json.loads(ended.out)["detectors"][0]["all"]["found"]["value"] == 1
    assert here(name, "--detector", net).status == 0, "from then on"


def test_processes_share_the_work_without_changing_it(here: Run, tmp_path: Path) -> None:
    net = calibrated(network(tmp_path / "net.onnx"), slope=4, offset=-6)
    name = manifest(tmp_path, 2)
    one, two = (json.loads(here(name, "--detector", net, "--json", "--jobs", n).out) for n in (1, 2))
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv", "--detector", "net.onnx"], "can't be read"),
        (["set.csv", "--detector", "nowhere.onnx"], "DETECTOR_NOT_FOUND"),
        (["set.csv", "--detector", "remote"], "Set DEEPFAKE_API_URL"),
        (
            ["set.csv", "--detector", "net.onnx", "--detector", "net.onnx", "--calibrate", "platt"],
            "needs one",
        ),
        (["set.csv", "--detector", "shipped", "--calibrate", "platt"], "the path of an ONNX network"),
        (["set.csv", "--detector", "net.onnx", "--calibrate", "platt"], "at least 10"),
        (["set.csv", "--detector", "net.onnx", "--html", "nowhere/r.html"], "can't be written"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(here: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    calibrated(network(tmp_path / "net.onnx"))
    manifest(tmp_path, 1)
    ended = here(*arguments)
    assert ended.status == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not ended.out


async def test_a_server_is_evaluated_beside_a_network(
    here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = calibrated(network(tmp_path / "net.onnx"), slope=4, offset=-6)
    name = manifest(tmp_path, 2)
    async with voice_server() as server:
        monkeypatch.setenv("DEEPFAKE_API_URL", server.url)
        monkeypatch.setenv("DEEPFAKE_API_KEY", server.key)
        both = "--detector", net, "--detector", "remote", "--json"
        ended = await asyncio.to_thread(here, name, *both)
        server.manner = "failing"
        refused = await asyncio.to_thread(here, name, "--detector", "remote")
    assert ended.status == 0, ended.err
    network_told, server_told = json.loads(ended.out)["detectors"]
    assert network_told["version"].startswith("onnx ")
    assert server_told["version"] == "remote stand-in 1"
    assert server_told["all"]["auc"]["value"] == 1
    assert refused.status == 2, "no other detector answers in its name"
    assert "[DETECTOR_REFUSED]" in refused.err
