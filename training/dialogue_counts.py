"""`python -m training.dialogue_counts`: what training/text/README.md counts, and the closest pair."""

import json
from collections import Counter
from itertools import combinations, product
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "text"
WORDS = 5

Dialogue = dict[str, Any]
Parts = frozenset[tuple[str, ...]]


def read(language: Path) -> list[Dialogue]:
    """Every dialogue of a language's folder, file by file."""
    return [dialogue for file in sorted(language.glob("*.jsonl")) for dialogue in read_file(file)]


def read_file(file: Path) -> list[Dialogue]:
    """The dialogues of one file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def closest(dialogues: list[Dialogue]) -> float:
    """The highest Jaccard similarity of two dialogues' word 5-grams."""
    return max(_jaccard(a, b) for a, b in combinations(map(_parts, dialogues), 2))


def nearest(some: list[Dialogue], others: list[Dialogue]) -> float:
    """The same of one of some and one of others."""
    return max(_jaccard(a, b) for a, b in product(map(_parts, some), list(map(_parts, others))))


def _parts(dialogue: Dialogue) -> Parts:
    words = " ".join(turn["text"] for turn in dialogue["turns"]).split()
    return frozenset(zip(*(words[start:] for start in range(WORDS)), strict=False))


def _jaccard(a: Parts, b: Parts) -> float:
    return len(a & b) / len(a | b)


def main() -> None:
    """Prints a line a language."""
    for language in sorted(path for path in TEXTS.iterdir() if path.is_dir()):
        found = read(language)
        counts = Counter(
            (dialogue["label"], feature)
            for dialogue in found
            for feature, has in (
                ("all", True),
                ("hard", dialogue["hard"]),
                ("validation", dialogue["split"] == "validation"),
                ("injection", dialogue["injection"]),
                (
                    "hard with reassurance",
                    dialogue["hard"] and any("reassurance" in turn["tactics"] for turn in dialogue["turns"]),
                ),
            )
            if has
        )
        scenarios = {dialogue["scenario"]: dialogue["split"] for dialogue in found}
        turns = sum(len(dialogue["turns"]) for dialogue in found) / len(found)
        print(
            f"{language.name}: {len(found)} dialogues, {turns:.1f} turns each,"
            f" {len({dialogue['pair'] for dialogue in found} - {None})} pairs,"
            f" {len(scenarios)} scenarios ({list(scenarios.values()).count('validation')} validation),"
            f" closest two {closest(found):.3f}"
        )
        for (label, feature), count in sorted(counts.items()):
            print(f"    {label}, {feature}: {count}")


if __name__ == "__main__":
    main()
