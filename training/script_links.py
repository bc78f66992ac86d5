"""How well script fingerprints link calls of one campaign, and how many others they link by mistake.

The file of campaigns holds one JSON object a line: `{"campaign", "turns": [{"speaker", "text"}]}`, several
calls of a campaign each. Without one, only the authored dialogues of training/text are looked at, of which
no two are the same script: whatever links there is a mistake. Calls with too few words have no fingerprint.

    python -m training.script_links [CAMPAIGNS.jsonl] [--split train|validation] [--json]
"""

import argparse
import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from callguard.domain.scripts import HASHES, LEAST_WORDS, SAME_SCRIPT, bands, fingerprint

DIALOGUES: Final = Path(__file__).parent / "text"
THRESHOLDS: Final = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)
KEY: Final = b"measured with any key"


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of a set: of one script, of two, and how many of each reach a threshold. `found` by the bands."""

    calls: int
    fingerprinted: int
    same: int
    different: int
    closest_different: float
    same_linked: dict[str, int]
    different_linked: dict[str, int]
    found: int


def measure(calls: Iterable[dict[str, Any]]) -> Links:
    """`campaign` groups the calls; one without is a script of its own."""
    known = list(calls)
    prints = [(call.get("campaign"), fingerprint(KEY, _callers(call))) for call in known]
    kept = [(campaign, taken) for campaign, taken in prints if taken is not None]
    numbers = np.array([np.frombuffer(taken, "<u4") for _, taken in kept])
    indexes = [set(bands(taken)) for _, taken in kept]
    same: list[float] = []
    different: list[float] = []
    found = 0
    for one in range(len(kept) - 1):
        close = (numbers[one + 1 :] == numbers[one]).mean(axis=1)
        for other, value in enumerate(close, start=one + 1):
            is_same = kept[one][0] is not None and kept[one][0] == kept[other][0]
            (same if is_same else different).append(float(value))
            found += is_same and value >= SAME_SCRIPT and not indexes[one].isdisjoint(indexes[other])
    return Links(
        calls=len(known),
        fingerprinted=len(kept),
        same=len(same),
        different=len(different),
        closest_different=round(max(different, default=0.0), 3),
        same_linked={str(t): sum(value >= t for value in same) for t in THRESHOLDS},
        different_linked={str(t): sum(value >= t for value in different) for t in THRESHOLDS},
        found=found,
    )


def _callers(call: dict[str, Any]) -> str:
    return " ".join(turn["text"] for turn in call["turns"] if turn["speaker"] == "caller")


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _authored(split: str) -> list[dict[str, Any]]:
    files = sorted(DIALOGUES.glob("*/*.jsonl"))
    return [call for call in itertools.chain(*map(_read, files)) if call["split"] == split]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("campaigns", type=Path, nargs="?")
    parser.add_argument("--split", choices=("train", "validation"), default="train")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    sets = {f"authored, {wanted.split}": measure(_authored(wanted.split))}
    if wanted.campaigns is not None:
        sets["campaigns"] = measure(_read(wanted.campaigns))
    if wanted.json:
        print(json.dumps({name: asdict(links) for name, links in sets.items()}, indent=1))
        return
    print(f"{HASHES} hashes, {LEAST_WORDS} words at least, one script from {SAME_SCRIPT}")
    for name, links in sets.items():
        _print(name, links)


def _print(name: str, links: Links) -> None:
    print(f"\n{name}: {links.fingerprinted} of {links.calls} calls have a fingerprint")
    print(f"  pairs of one script {links.same}, of two {links.different}")
    print(f"  the closest pair of two scripts: {links.closest_different}")
    print("  threshold  linked, one script  linked, two scripts")
    for threshold in map(str, THRESHOLDS):
        linked = links.same_linked[threshold]
        recall = f" ({linked / links.same:.1%})" if links.same else ""
        print(f"  {threshold:>9}  {linked:>8}{recall:>10}  {links.different_linked[threshold]:>18}")
    if links.same:
        at = links.same_linked[str(SAME_SCRIPT)]
        print(f"  of the {at} at {SAME_SCRIPT}, the index finds {links.found}")


if __name__ == "__main__":
    main()
