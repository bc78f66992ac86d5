"""Builds callguard/voice/deepfake/model/encoder.onnx: the first layers of Distill-MOS, for telephone windows.

Distill-MOS (Stahl & Gamper, ICASSP 2025; MIT; the package `distillmos` brings its weights) was taught by
XLS-R to hear how natural speech is. Nothing is learnt here: its convolutions and first four transformer
layers are taken over, up to 4 kHz only, the convolutions in 8 bits. The same package and clips give the same
file.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

SAMPLES: Final = 32000
FRAME: Final = 160
HOP: Final = 80
BINS: Final = 81
HEARD: Final = 97
"""Of its 161 bins of 50 Hz, 0 to 4.8 kHz: enough for the lower half of what the convolutions give."""
POSITIONS: Final = 4
KEPT: Final = 2
LAYERS: Final = 4
TAPPED: Final = (2, 4)
WIDTH: Final = 200
HEADS: Final = 8
CONVOLUTIONS: Final = 6
ORIGIN: Final = {"origin": "Distill-MOS v7 by Microsoft, package distillmos 0.9.1", "licence": "MIT"}

Array = NDArray[Any]
Weights = Mapping[str, Array]


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        names = [f"{kind}{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=names[0], **attributes))
        return names[0]

    def constant(self, values: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def numbers(self, values: Array | float) -> str:
        return self.constant(np.asarray(values, np.float32))

    def whole(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def linear(self, states: str, weight: Array, bias: Array) -> str:
        """The matrix is stored as float16 and widened at loading."""
        wide = self.node("Cast", self.constant(weight.T.astype(np.float16)), to=TensorProto.FLOAT)
        return self.node("Add", self.node("MatMul", states, wide), self.numbers(bias))

    def spread(self, states: str, axis: int) -> list[str]:
        """Mean and standard deviation along `axis`."""
        mean = self.node("ReduceMean", states, self.whole(axis), keepdims=1)
        centred = self.node("Sub", states, mean)
        squared = self.node("Mul", centred, centred)
        variance = self.node("ReduceMean", squared, self.whole(axis), keepdims=1)
        deviation = self.node("Sqrt", self.node("Add", variance, self.numbers(1e-8)))
        return [self.node("Flatten", mean), self.node("Flatten", deviation)]


def _spectrogram(graph: _Graph) -> str:
    """Windows at 8 kHz to spectra with magnitudes to the power 0.3, as the network knows them at 16 kHz."""
    loudest = graph.node("ReduceMax", graph.node("Abs", "windows"), graph.whole(1), keepdims=1)
    level = graph.node("Div", "windows", graph.node("Add", loudest, graph.numbers(1e-8)))
    one = graph.node("Unsqueeze", level, graph.whole(1))
    margin = (FRAME - HOP) // 2
    padded = graph.node("Pad", one, graph.whole(0, 0, margin, 0, 0, margin), mode="reflect")
    window = np.hanning(FRAME + 1)[:-1] * 2  # at 16 kHz twice as many samples add up
    turns = np.exp(-2j * np.pi * np.outer(np.arange(BINS), np.arange(FRAME)) / FRAME) * window
    kernel = np.concatenate([turns.real, turns.imag])[:, None, :]
    parts = graph.node("Conv", padded, graph.numbers(kernel), strides=[HOP])
    spectra = graph.node("Reshape", parts, graph.whole(0, 2, BINS, -1))
    power = graph.node("ReduceSum", graph.node("Mul", spectra, spectra), graph.whole(1), keepdims=1)
    floored = graph.node("Max", power, graph.numbers(1e-24))
    scaled = graph.node("Mul", spectra, graph.node("Pow", floored, graph.numbers(-0.35)))
    return graph.node("Pad", scaled, graph.whole(0, 0, 0, 0, 0, 0, HEARD - BINS, 0), mode="constant")


def _convolutions(graph: _Graph, weights: Weights, sound: str) -> str:
    for index in range(CONVOLUTIONS):
        weight, bias = weights[f"cnn.cnn.{2 * index}.weight"], weights[f"cnn.cnn.{2 * index}.bias"]
        stride = [2 if index else 1, 2 if index == CONVOLUTIONS - 1 else 1]
        sound = graph.node(
            "Conv", sound, graph.numbers(weight), graph.numbers(bias), strides=stride, pads=[0, 1, 0, 1]
        )
        sound = graph.node("LeakyRelu", sound, alpha=0.1)
    return sound


def _silence(weights: Weights) -> Array:
    """What the convolutions give for bands where nothing is: [channels]."""
    state = np.zeros(2, np.float64)
    for index in range(CONVOLUTIONS):
        weight, bias = weights[f"cnn.cnn.{2 * index}.weight"], weights[f"cnn.cnn.{2 * index}.bias"]
        state = weight.sum(axis=(2, 3)) @ state + bias
        state = np.where(state > 0, state, 0.1 * state)
    return state


def _normalisation(weights: Weights, name: str) -> tuple[Array, Array]:
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + 1e-5)
    return scale, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * scale


def _entry(weights: Weights) -> tuple[Array, Array]:
    """Two normalisations and the projection as one matrix on the positions kept; the others are silent."""
    scale, shift = _normalisation(weights, "transformer_pool_attn.norm_input")
    scale2, shift2 = _normalisation(weights, "transformer_pool_attn.transformer.norm")
    matrix = weights["transformer_pool_attn.transformer.linear_proj.weight"].astype(np.float64)
    bias = weights["transformer_pool_attn.transformer.linear_proj.bias"] + matrix @ (scale2 * shift + shift2)
    matrix = (matrix * (scale * scale2)).reshape(WIDTH, -1, POSITIONS)
    bias = bias + np.einsum("wcp,c->w", matrix[:, :, KEPT:], _silence(weights))
    return matrix[:, :, :KEPT].reshape(WIDTH, -1), bias


def _attention(graph: _Graph, weights: Weights, states: str, name: str) -> str:
    together = graph.linear(
        states, weights[f"{name}.self_attn.in_proj_weight"], weights[f"{name}.self_attn.in_proj_bias"]
    )
    size = WIDTH // HEADS
    split = graph.node("Reshape", together, graph.whole(0, 0, 3, HEADS, size))
    parts = [
        graph.node("Transpose", graph.node("Gather", split, graph.constant(np.array(i)), axis=2), perm=perm)
        for i, perm in enumerate([[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]])
    ]
    products = graph.node("MatMul", parts[0], parts[1])
    shares = graph.node("Softmax", graph.node("Mul", products, graph.numbers(size**-0.5)), axis=-1)
    mixed = graph.node("Transpose", graph.node("MatMul", shares, parts[2]), perm=[0, 2, 1, 3])
    joined = graph.node("Reshape", mixed, graph.whole(0, 0, WIDTH))
    return graph.linear(
        joined, weights[f"{name}.self_attn.out_proj.weight"], weights[f"{name}.self_attn.out_proj.bias"]
    )


def _layer(graph: _Graph, weights: Weights, states: str, name: str) -> str:
    def normalised(values: str, norm: str) -> str:
        scale, shift = weights[f"{name}.{norm}.weight"], weights[f"{name}.{norm}.bias"]
        return graph.node(
            "LayerNormalization", values, graph.numbers(scale), graph.numbers(shift), axis=-1, epsilon=1e-5
        )

    attended = graph.node("Add", states, _attention(graph, weights, states, name))
    middle = normalised(attended, "norm1")
    inner = graph.linear(middle, weights[f"{name}.linear1.weight"], weights[f"{name}.linear1.bias"])
    outer = graph.linear(
        graph.node("Relu", inner), weights[f"{name}.linear2.weight"], weights[f"{name}.linear2.bias"]
    )
    return normalised(graph.node("Add", middle, outer), "norm2")


def network(weights: Weights) -> onnx.ModelProto:
    """`windows` [batch, SAMPLES] to `features` [batch, 1824]: means and spreads of what the layers say."""
    graph = _Graph()
    heard = _convolutions(graph, weights, _spectrogram(graph))
    flat = graph.node("Reshape", heard, graph.whole(0, 256 * KEPT, -1))
    found = graph.spread(flat, 2)
    states = graph.linear(graph.node("Transpose", flat, perm=[0, 2, 1]), *_entry(weights))
    position = weights["transformer_pool_attn.transformer.position_encoding.pe"][:, : SAMPLES // HOP // 2]
    states = graph.node("Add", states, graph.numbers(position))
    for index in range(LAYERS):
        name = f"transformer_pool_attn.transformer.transformer_encoder.layers.{index}"
        states = _layer(graph, weights, states, name)
        if index + 1 in TAPPED:
            found += graph.spread(states, 1)
    graph.node("Concat", *found, axis=1)
    graph.nodes[-1].output[0] = "features"
    described = helper.make_graph(
        graph.nodes,
        "encoder",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["batch", SAMPLES])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "features"])],
        graph.constants,
    )
    model = helper.make_model(
        described, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="callguard"
    )
    helper.set_model_props(model, ORIGIN)
    return model


class _Windows(CalibrationDataReader):  # type: ignore[misc]  # the runtime's tools are untyped
    def __init__(self, windows: Sequence[NDArray[np.float32]]) -> None:
        self._left: Iterator[NDArray[np.float32]] = iter(windows)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        window = next(self._left, None)
        return None if window is None else {"windows": window[None]}


def build(weights: Weights, windows: Sequence[NDArray[np.float32]], work: Path, target: Path) -> None:
    """Writes the network, its large convolutions in 8 bits with ranges as `windows` [SAMPLES] need them."""
    whole = work / "encoder.onnx"
    onnx.save(network(weights), whole)
    names = [node.name for node in onnx.load(whole).graph.node if node.op_type in {"Conv", "LeakyRelu"}]
    quantize_static(
        whole,
        target,
        _Windows(windows),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "LeakyRelu"],
        nodes_to_exclude=names[:1],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def published(path: Path) -> Weights:
    """The weights in the package's file."""
    import torch  # noqa: PLC0415  # reads the package's file, and nothing else

    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in checkpoint["model"].items()}
