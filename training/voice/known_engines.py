"""How well the second model finds engines that it was taught, in voices and on pages that it never heard.

    python -m training.voice.known_engines --data DIR [--prompts DIR] [--work DIR]

Reads what `make train-voice` has heard. Compared with the people of the modern set, left out as well.
"""

import zlib
from typing import Final

import numpy as np

from training.voice.corpora import FOLDS, Clip
from training.voice.fit import fitted
from training.voice.measured import auc, eer
from training.voice.report import Columns, table
from training.voice.train import VOCODER, Heard, arguments, taken
from training.voice.views import LEARNT, MASKED, PLAIN

ENGINES: Final = ("world", "griffin-lim", "espeak", "flite")


def fold_of(clip: Clip) -> int:
    """By page; of the classic engines, which have one each, by voice."""
    return zlib.crc32(clip.speaker.encode()) % FOLDS if clip.era == "classic" else clip.fold


def main() -> None:
    """Prints the table."""
    given = arguments(__doc__)
    heard = Heard(given.data, given.prompts, given.work)
    learnt = [heard.rows(number) for number in LEARNT]
    known = Columns.of(heard.clips)
    fold = np.array([fold_of(clip) for clip in heard.clips])
    raw = {line: np.full(len(heard.clips), np.nan) for line in (PLAIN, MASKED)}
    for left_out in range(FOLDS):
        test = np.flatnonzero(fold == left_out)
        pages = {heard.clips[i].repo for i in test if heard.clips[i].era != "classic"}
        train = [
            i
            for i in VOCODER.of(heard.clips, np.flatnonzero(fold != left_out).tolist())
            if heard.clips[i].repo not in pages and heard.clips[i].speaker not in set(known.speaker[test])
        ]
        model = fitted(heard.clips, taken(learnt, train), VOCODER.recipe)
        for line, scores in raw.items():
            scores[test] = model.raw(learnt[line].told[test], learnt[line].line[test])
    people = (known.era == "modern") & ~known.spoof
    rows = []
    for engine in ENGINES:
        here = known.engine == engine
        pairs = [(scores[people], scores[here]) for scores in raw.values()]
        rows.append([engine, str(here.sum()), *(f"{eer(*pair):.0%} / {auc(*pair):.2f}" for pair in pairs)])
    print(table(["engine", "clips", "plain: EER / AUC", "masked: EER / AUC"], rows))


if __name__ == "__main__":
    main()
