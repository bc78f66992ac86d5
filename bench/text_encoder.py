"""How long the text encoder takes for a turn: every turn of the authored dialogues' validation split, once,
on one core; and what it costs to start.

    python -m bench.text_encoder [--json]
"""

import argparse
import json
import resource
import sys
import time
from typing import Final

import numpy as np

from training.dialogue_counts import TEXTS, read

LANGUAGES: Final = ("en", "es", "fr", "de", "pt")


def turns() -> list[str]:
    """What is said in the validation split."""
    return [
        turn["text"]
        for language in LANGUAGES
        for dialogue in read(TEXTS / language)
        if dialogue["split"] == "validation"
        for turn in dialogue["turns"]
    ]


def memory_mib() -> float:
    """The most this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure() -> dict[str, float]:
    """Milliseconds, pieces and MiB."""
    before, begun = memory_mib(), time.perf_counter()
    from callguard.analysis.encoder import Encoder  # noqa: PLC0415  # the library's import is part of the start

    encoder = Encoder()
    encoder.encode("hello")
    started = time.perf_counter() - begun
    texts = turns()
    took = []
    for text in texts:
        begun = time.perf_counter()
        encoder.encode(text)
        took.append(1000 * (time.perf_counter() - begun))
    pieces = [encoder.count(text) for text in texts]
    return {
        "start_ms": 1000 * started,
        "turns": len(texts),
        "median_ms": float(np.median(took)),
        "p95_ms": float(np.percentile(took, 95)),
        "pieces_a_turn": float(np.mean(pieces)),
        "p95_pieces": float(np.percentile(pieces, 95)),
        "memory_mib": memory_mib() - before,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    seen = measure()
    if wanted.json:
        print(json.dumps(seen))
        return
    for name, value in seen.items():
        print(f"{name.replace('_', ' '):18} {value:10.1f}")


if __name__ == "__main__":
    main()
