"""The GE2E network of the package Resemblyzer as an ONNX graph:
callguard/voice/speaker/model/speaker.onnx.gz.

Nothing is learnt here. The weights are stored as float16 and widened when they are loaded; spectrogram and
graph are compared with the package's own.
"""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from resemblyzer import audio, voice_encoder

from callguard.voice.speaker.embedding import FRAMES
from callguard.voice.speaker.mel import BANDS, mel

LAYERS: Final = 3
WIDTH: Final = 256
ORIGIN: Final = {
    "origin": "GE2E speaker encoder of the package Resemblyzer 0.1.4, adapted to telephone lines",
    "licence": "Apache-2.0",
}

Weights = Mapping[str, NDArray[np.float32]]


def graph(weights: Weights) -> onnx.ModelProto:
    """`mels` [N, 160, 40] to `embeddings` [N, 256], each of length 1."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: NDArray[Any]) -> str:
        if values.dtype == np.float32:
            constants.append(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        else:
            constants.append(numpy_helper.from_array(values, name))
        return name

    nodes.append(helper.make_node("Transpose", ["mels"], ["states0"], perm=[1, 0, 2]))
    for layer in range(LAYERS):
        inputs, outputs = [f"states{layer}"], [f"every{layer}", f"last{layer}"]
        for ours, theirs in (("W", "weight_ih"), ("R", "weight_hh")):
            inputs.append(constant(f"{ours}{layer}", _gates(weights[f"lstm.{theirs}_l{layer}"])[None]))
        biases = [_gates(weights[f"lstm.{name}_l{layer}"]) for name in ("bias_ih", "bias_hh")]
        inputs.append(constant(f"B{layer}", np.concatenate(biases)[None]))
        nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=WIDTH))
        axis = constant(f"direction{layer}", np.array([1]))
        nodes.append(helper.make_node("Squeeze", [f"every{layer}", axis], [f"states{layer + 1}"]))
    first = constant("first", np.array([0]))
    nodes.append(helper.make_node("Squeeze", [f"last{LAYERS - 1}", first], ["hidden"]))
    linear = [
        constant("linear.weight", weights["linear.weight"]),
        constant("linear.bias", weights["linear.bias"]),
    ]
    nodes.append(helper.make_node("Gemm", ["hidden", *linear], ["raw"], transB=1))
    nodes.append(helper.make_node("Relu", ["raw"], ["positive"]))
    nodes.append(helper.make_node("LpNormalization", ["positive"], ["embeddings"], axis=1, p=2))
    described = helper.make_graph(
        nodes,
        "speaker",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["windows", FRAMES, BANDS])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["windows", WIDTH])],
        constants,
    )
    built = helper.make_model(
        described, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="callguard"
    )
    helper.set_model_props(built, ORIGIN)
    return built


def _gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """From torch's order of gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    inward, forget, cell, outward = np.split(rows, 4)
    return np.concatenate([inward, outward, forget, cell])


def differences(network: bytes, original: voice_encoder.VoiceEncoder) -> dict[str, float]:
    """The largest ones on noise shaped like speech: the spectrogram's, relative to its peak; the cosine's."""
    rng = np.random.default_rng(5)
    noise = np.cumsum(rng.standard_normal(16_000 * 12)) * np.abs(np.sin(np.arange(16_000 * 12) / 9000))
    sound = (noise / np.abs(noise).max() * 0.3).astype(np.float32)
    theirs, ours = audio.wav_to_mel_spectrogram(sound), mel(sound, 16_000)
    stretches = theirs[: len(theirs) // FRAMES * FRAMES].reshape(-1, FRAMES, BANDS)
    with torch.no_grad():
        expected = original(torch.from_numpy(stretches)).numpy()
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    found = session.run(None, {"mels": stretches})[0]
    return {
        "spectrogram, of its peak": float(np.abs(theirs - ours).max() / theirs.max()),
        "embedding, an element": float(np.abs(expected - found).max()),
        "embedding, 1 - cosine": float(1 - (expected * found).sum(axis=1).min()),
    }


def converted(
    original: voice_encoder.VoiceEncoder, student: voice_encoder.VoiceEncoder, file: Path
) -> Iterator[str]:
    """Writes the student; tells how exact spectrogram and graph are, by the original's weights and by its
    own.
    """
    student.eval()
    for name, module in (("original", original), ("adapted", student)):
        weights = {key: tensor.detach().numpy() for key, tensor in module.state_dict().items()}
        network = graph(weights).SerializeToString(deterministic=True)
        for what, largest in differences(network, module).items():
            yield f"{name}: largest difference of {what}: {largest:.1e}"
    file.write_bytes(gzip.compress(network, mtime=0))
    yield f"{file.name}: {file.stat().st_size} bytes"
