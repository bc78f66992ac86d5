"""Small ONNX networks that judge a window by one property, made where a test needs them."""

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from callguard.voice.deepfake.onnx_file import OnnxNetwork, beside_path

LOUDNESS = "loudness"
BRIGHTNESS = "brightness"


def network(
    path: Path,
    *,
    kind: str = BRIGHTNESS,
    batch: int | str = "batch",
    samples: int | str = "samples",
    classes: int = 0,
) -> Path:
    """Writes a network whose answer is the window's mean square (LOUDNESS) or its mean squared difference
    over its mean square (BRIGHTNESS: 0 for slow, 4 for the fastest waves), as [batch] or in `classes`.
    """
    nodes = [helper.make_node("Mul", ["x", "x"], ["square"]), _mean("square", "power")]
    answer = "power"
    if kind == BRIGHTNESS:
        nodes += [
            helper.make_node("Slice", ["x", "one", "end", "axis"], ["later"]),
            helper.make_node("Slice", ["x", "zero", "minus", "axis"], ["sooner"]),
            helper.make_node("Sub", ["later", "sooner"], ["difference"]),
            helper.make_node("Mul", ["difference", "difference"], ["steps"]),
            _mean("steps", "change"),
            helper.make_node("Add", ["power", "tiny"], ["safe"]),
            helper.make_node("Div", ["change", "safe"], ["bright"]),
        ]
        answer = "bright"
    nodes.append(
        helper.make_node("Reshape", [answer, "column" if classes else "flat"], ["told"])
        if classes < 2
        else helper.make_node("Concat", ["nothing", answer], ["told"], axis=1)
    )
    if classes == 2:
        nodes.insert(-1, helper.make_node("Sub", [answer, answer], ["nothing"]))
    shape: list[int | str] = [batch] if not classes else [batch, classes]
    graph = helper.make_graph(
        nodes,
        "told",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, samples])],
        [helper.make_tensor_value_info("told", TensorProto.FLOAT, shape)],
        [
            _constant("mean_axis", [1]), _constant("axis", [1]), _constant("zero", [0]),
            _constant("one", [1]), _constant("minus", [-1]), _constant("end", [2**31]),
            _constant("flat", [-1]), _constant("column", [-1, 1]),
            helper.make_tensor("tiny", TensorProto.FLOAT, [1], [1e-9]),
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def calibrated(path: Path, slope: float = 4.0, offset: float = -2.0, **beside: object) -> Path:
    """Writes a calibration beside the network."""
    content = {
        "network": OnnxNetwork(path).digest,
        "windows": [50, 50],
        "platt": {"slope": slope, "offset": offset},
        **beside,
    }
    beside_path(path).write_text(json.dumps(content))
    return path


def wave(frequency: float, seconds: float = 4.0, level: float = 0.3) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(8000 * seconds)) / 8000)).astype(np.float32)


def _mean(name: str, to: str) -> onnx.NodeProto:
    return helper.make_node("ReduceMean", [name, "mean_axis"], [to], keepdims=1)


def _constant(name: str, values: list[int]) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
