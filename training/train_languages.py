"""`python -m training.train_languages`: the n-gram profiles that tell five languages apart, from training
texts.

Nothing is drawn by chance: the same texts make the same file. Each dialogue is read twice, with its accents
and without, since recognisers differ in that.
"""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from callguard.analysis.language import LANGUAGES, Profiles, grams, words
from training.dialogue_counts import TEXTS, Dialogue, read

FILE = Path("callguard/analysis/languages.json")
VERSION = "ngrams-1"
MOST_GRAMS = 2000
"""The most frequent ones: more bring nothing that counts, and a bigger file."""
SMOOTHING = 0.5


def texts(language: str, split: str) -> list[list[str]]:
    """Each dialogue's turns of one split."""
    return [turns_of(found) for found in read(TEXTS / language) if found["split"] == split]


def turns_of(dialogue: Dialogue) -> list[str]:
    return [turn["text"] for turn in dialogue["turns"]]


def without_accents(text: str) -> str:
    """As a recogniser writes that knows none."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def learnt(samples: dict[str, Iterable[list[str]]]) -> Profiles:
    """The profiles of these dialogues by language."""
    counts: dict[str, Counter[str]] = {}
    for language, dialogues in samples.items():
        said = (turn for dialogue in dialogues for turn in dialogue)
        spellings = (text for turn in said for text in (turn, without_accents(turn)))
        count: Counter[str] = Counter()
        for word, times in Counter(word for text in spellings for word in words(text)).items():
            for gram in grams(word):
                count[gram] += times
        counts[language] = count
    shares: Counter[str] = Counter()
    for count in counts.values():
        whole = count.total()
        shares.update({gram: round(1e9 * n / whole) for gram, n in count.items()})
    chosen = sorted(sorted(shares), key=lambda gram: -shares[gram])[:MOST_GRAMS]
    wholes = {language: sum(count[gram] + SMOOTHING for gram in chosen) for language, count in counts.items()}
    return Profiles(
        VERSION,
        {
            gram: tuple(
                round(100 * math.log((counts[language][gram] + SMOOTHING) / wholes[language])) / 100
                for language in LANGUAGES
            )
            for gram in sorted(chosen)
        },
    )


def written(profiles: Profiles) -> str:
    """As the file holds them: hundredths, an n-gram a line."""
    lines = [
        f"  {json.dumps(gram, ensure_ascii=False)}: {json.dumps([round(100 * w) for w in weights])}"
        for gram, weights in profiles.weights.items()
    ]
    head = f'{{\n "version": {json.dumps(profiles.version)},\n "grams": {{\n'
    return head + ",\n".join(lines) + "\n }\n}\n"


def main() -> None:
    """Writes the file."""
    FILE.write_text(
        written(learnt({language: texts(language, "train") for language in LANGUAGES})), encoding="utf-8"
    )
    print(f"{FILE}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
