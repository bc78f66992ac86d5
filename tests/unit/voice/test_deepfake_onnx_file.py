"""Any network by its path: what it may look like, and what is said of one that can't be used."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from callguard.errors import DetectorError
from callguard.voice.deepfake.onnx_file import OnnxDetector, OnnxNetwork, beside_path
from callguard.voice.deepfake.port import Reason
from tests.unit.voice.networks import BRIGHTNESS, LOUDNESS, calibrated, network, wave

LOW, HIGH = 100.0, 3000.0


def brightness(frequency: float, rate: int = 8000) -> float:
    """What the network must answer to a sine."""
    return float(2 - 2 * np.cos(2 * np.pi * frequency / rate))


@pytest.mark.parametrize("batch", [1, "batch"])
@pytest.mark.parametrize("classes", [0, 1, 2])
def test_networks_of_each_documented_shape_answer_alike(
    tmp_path: Path, batch: int | str, classes: int
) -> None:
    path = network(tmp_path / "net.onnx", batch=batch, classes=classes)
    told = OnnxNetwork(path).raw([wave(LOW), wave(HIGH, 3.5), wave(HIGH), wave(LOW)])
    expected = [brightness(f) for f in (LOW, HIGH, HIGH, LOW)]
    assert told == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("samples", [16_000, 64_600])
def test_a_fixed_length_is_met_by_repeating_and_cutting(tmp_path: Path, samples: int) -> None:
    path = network(tmp_path / "net.onnx", samples=samples)
    assert OnnxNetwork(path).raw([wave(HIGH)]) == pytest.approx([brightness(HIGH)], rel=1e-3)


def test_a_network_at_16_khz_hears_16_khz(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx")
    beside_path(path).write_text('{"sample_rate": 16000}')
    assert OnnxNetwork(path).raw([wave(1000)]) == pytest.approx([brightness(1000, 16_000)], rel=1e-2)


def test_which_class_is_synthetic_can_be_said(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", classes=2)
    beside_path(path).write_text('{"synthetic_class": 0}')
    assert OnnxNetwork(path).raw([wave(HIGH)]) == pytest.approx([-brightness(HIGH)], rel=1e-3)


def test_a_calibrated_network_is_a_detector(tmp_path: Path) -> None:
    detector = OnnxDetector(calibrated(network(tmp_path / "net.onnx"), slope=2, offset=-3))
    told = detector.score([wave(LOW), wave(HIGH, 3.0)])
    expected = [1 / (1 + np.exp(3 - 2 * brightness(frequency))) for frequency in (LOW, HIGH)]
    assert [each.score for each in told] == pytest.approx(expected, rel=1e-3)
    assert [each.speech_s for each in told] == [4.0, 3.0]
    assert detector.score([]) == []


def test_the_version_tells_network_and_calibration_apart(tmp_path: Path) -> None:
    bright, loud = (network(tmp_path / f"{kind}.onnx", kind=kind) for kind in (BRIGHTNESS, LOUDNESS))
    versions = [
        OnnxDetector(calibrated(path, slope)).version for path, slope in ((bright, 1), (bright, 2), (loud, 1))
    ]
    assert len(set(versions)) == 3


def test_isotonic_calibration_is_read_too(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", kind=LOUDNESS)
    curve = {"raw": [0.0, 0.5], "probabilities": [0.1, 0.9]}
    detector = OnnxDetector(calibrated(path, platt=None, isotonic=curve))
    (told,) = detector.score([wave(LOW, level=0.5**0.5)])
    assert told.score == pytest.approx(0.5, abs=1e-3)


def test_a_window_without_an_answer_is_a_state(tmp_path: Path) -> None:
    path = calibrated(network(tmp_path / "net.onnx", kind=LOUDNESS))
    told = OnnxDetector(path).score([wave(LOW, level=1e30), wave(LOW)])
    assert told[0].reason is Reason.UNAVAILABLE
    assert told[1].score is not None


def graph(inputs: list[list[int | str]], output: list[int | str]) -> bytes:
    """A network that hands its first input on."""
    values = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, s) for i, s in enumerate(inputs)]
    made = helper.make_graph(
        [helper.make_node("Identity", ["x0"], ["y"])], "g", values,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, "DETECTOR_NOT_FOUND", "Give the path of an ONNX file"),
        (b"", "DETECTOR_UNREADABLE", "no ONNX network"),
        (b"RIFF....WAVE", "DETECTOR_UNREADABLE", "no ONNX network"),
        (graph([["b", "c", "s"]], ["b", "c", "s"]), "DETECTOR_SHAPE", "one input"),
        (graph([["b", "s"], ["b", "s"]], ["b", "s"]), "DETECTOR_SHAPE", "one input"),
        (graph([[8, "s"]], [8, "s"]), "DETECTOR_SHAPE", "8 windows at once"),
        (graph([["b", "s"]], ["b", "s"]), "DETECTOR_SHAPE", "[1, 32000] to 1 windows"),
    ],
)
def test_what_is_no_such_network_is_said(tmp_path: Path, content: bytes | None, code: str, said: str) -> None:
    path = tmp_path / "net.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DetectorError) as caught:
        OnnxNetwork(path).raw([wave(LOW)])
    assert caught.value.code == code
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("beside", "code"),
    [
        (None, "DETECTOR_UNCALIBRATED"),
        ("{}", "DETECTOR_UNCALIBRATED"),
        ('{"network": "0123", "platt": {"slope": 1, "offset": 0}}', "DETECTOR_UNCALIBRATED"),
        ("not json", "DETECTOR_CALIBRATION"),
        ('{"sample_rate": 44100}', "DETECTOR_CALIBRATION"),
        ('{"slope": 1}', "DETECTOR_CALIBRATION"),
        ('{"isotonic": {"raw": [1, 0], "probabilities": [0, 1]}}', "DETECTOR_CALIBRATION"),
        ('{"isotonic": {"raw": [0, 1], "probabilities": [0, 2]}}', "DETECTOR_CALIBRATION"),
    ],
)
def test_no_calibration_or_a_strange_one_gives_no_score(
    tmp_path: Path, beside: str | None, code: str
) -> None:
    path = network(tmp_path / "net.onnx")
    if beside is not None:
        beside_path(path).write_text(beside)
    with pytest.raises(DetectorError) as caught:
        OnnxDetector(path)
    assert caught.value.code == code


def test_a_network_exchanged_after_calibration_is_noticed(tmp_path: Path) -> None:
    path = calibrated(network(tmp_path / "net.onnx"))
    network(path, kind=LOUDNESS)
    with pytest.raises(DetectorError, match="another network"):
        OnnxDetector(path)
    assert json.loads(beside_path(path).read_text())["platt"]
