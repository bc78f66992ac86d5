"""`make train-voice`: reads the clips, hears each by several lines, fits the model, measures it, writes it.

    python -m training.voice.train --data DIR [--prompts DIR] [--work DIR] [--target DIR]

What was heard is kept in the work folder, 256 clips at a time: broken off, it goes on from there. The figures
are of engines, pages and speakers left out in turn; the shipped model is fitted to everything.
"""

import argparse
import importlib.util
import json
import pickle
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from callguard.voice.deepfake.calibration import Platt, fit_platt
from callguard.voice.deepfake.features import LINE, SAMPLES, TOLD, Encoder, features
from callguard.voice.deepfake.shipped import Linear
from training.voice import encoder, report
from training.voice.copies import classics, copies
from training.voice.corpora import FOLDS, Clip, Samples, clips, read, split
from training.voice.fit import ERA_WEIGHTS, Recipe, Rows, fitted
from training.voice.measured import Values
from training.voice.views import LEARNT, MASKED, PLAIN, view

NAME: Final = "voice-1"
AT_ONCE: Final = 256
CALIBRATION_WINDOWS: Final = 96
FALSE_ALARMS: Final = 0.04
"""The share of people left out in turn that may score CALLED_SYNTHETIC or more, masked or not."""
CALLED_SYNTHETIC: Final = 0.7
CONTROL: Final = Recipe(strictness=1e-2, page_freedom=0.0, line_penalty=None)
TARGET: Final = Path(__file__).parents[2] / "callguard" / "voice" / "deepfake" / "model"


class Heard:
    """The clips' speech, and the features of each view of them; both kept in `work`."""

    def __init__(self, data: Path, prompts: Path | None, work: Path) -> None:
        self.work = work
        self.clips, self._speech = self._kept(data, prompts)
        self._encoder: Encoder | None = None

    def _kept(self, data: Path, prompts: Path | None) -> tuple[list[Clip], list[Samples]]:
        path = self.work / "clips.pickle"
        if not path.exists():
            found = [(clip, samples) for clip in clips(data, prompts) if (samples := read(clip)) is not None]
            people = [pair for pair in found if pair[0].era == "modern" and not pair[0].spoof]
            found += [*classics(), *copies([(clip, samples[:SAMPLES]) for clip, samples in people])]
            path.write_bytes(pickle.dumps(found))
        found = pickle.loads(path.read_bytes())
        return [clip for clip, _ in found], [samples for _, samples in found]

    def build_encoder(self, weights: Path) -> Path:
        """The network, once; its ranges from clips of all kinds."""
        path = self.work / "encoder-8bit.onnx"
        if not path.exists():
            chosen = np.random.default_rng(0).choice(len(self.clips), CALIBRATION_WINDOWS, replace=False)
            windows = [
                np.resize(view(self.clips[i], self._speech[i], LEARNT[n % len(LEARNT)]), SAMPLES)
                for n, i in enumerate(chosen)
            ]
            encoder.build(encoder.published(weights), windows, self.work, path)
        self._encoder = Encoder(path)
        return path

    def rows(self, number: int) -> Rows:
        """Each clip in the view of that number."""
        parts = []
        for start in range(0, len(self.clips), AT_ONCE):
            path = self.work / f"view{number}-{start}.npz"
            if not path.exists():
                self._hear(path, number, slice(start, start + AT_ONCE))
            with np.load(path) as stored:
                parts.append((stored["told"], stored["line"]))
        told, line = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return Rows(told, line, np.arange(len(self.clips)))

    def _hear(self, path: Path, number: int, part: slice) -> None:
        """Views for the figures alone are of modern clips alone: the others' rows stay empty."""
        assert self._encoder is not None, "the encoder is built first"
        pairs = list(zip(self.clips[part], self._speech[part], strict=True))
        wanted = np.array([number in LEARNT or clip.era == "modern" for clip, _ in pairs])
        heard = [view(*pair, number) for pair, want in zip(pairs, wanted, strict=True) if want]
        told, line = (np.full((len(pairs), size), np.nan, np.float32) for size in (TOLD, LINE))
        if heard:
            told[wanted], line[wanted] = features(self._encoder, heard)
        np.savez(path.with_suffix(".part.npz"), told=told, line=line)
        path.with_suffix(".part.npz").rename(path)
        print(f"heard {path.stem}", flush=True)


def taken(rows: Sequence[Rows], chosen: Sequence[int]) -> Rows:
    """Of several views, the clips that are chosen, below each other."""
    index = np.array(chosen)
    return Rows(
        np.concatenate([each.told[index] for each in rows]),
        np.concatenate([each.line[index] for each in rows]),
        np.tile(index, len(rows)),
    )


def left_out(
    heard: Sequence[Clip],
    learnt: Sequence[Rows],
    recipe: Recipe,
    eras: frozenset[str] = frozenset(ERA_WEIGHTS),
) -> list[Linear]:
    """For each fold, a model that never saw its engines, pages and speakers; of clips of `eras` alone."""
    everything = list(heard)
    found = []
    for fold in range(FOLDS):
        train = [i for i in split(everything, fold)[0] if everything[i].era in eras]
        found.append(fitted(everything, taken(learnt, train), recipe, NAME))
    return found


def scores(heard: Sequence[Clip], models: Sequence[Linear], rows: Rows) -> Values:
    """Each clip's raw score by the model that never saw its like; NaN where a copy belongs to two folds."""
    found = np.full(len(heard), np.nan)
    for fold, model in enumerate(models):
        _, test = split(list(heard), fold)
        found[test] = model.raw(rows.told[test], rows.line[test])
    return found


def by_line_alone(heard: Sequence[Clip], rows: Rows) -> Values:
    """The control: what the line's level, noise floor and long-term spectrum tell of modern engines."""
    lines = Rows(rows.line, rows.line, rows.clip)
    return scores(heard, left_out(heard, [lines], CONTROL, frozenset({"modern"})), lines)


def calibrated(heard: Sequence[Clip], raw: Sequence[Values]) -> Platt:
    """Platt's curve on modern engines and people left out in turn, lowered until few people score 0.7."""
    modern = np.array([clip.era == "modern" for clip in heard])
    spoof = np.array([clip.spoof for clip in heard])
    people = ~spoof
    curve = fit_platt(
        np.concatenate([each[modern & spoof] for each in raw]).tolist(),
        np.concatenate([each[modern & people] for each in raw]).tolist(),
    )
    highest = max(float(np.quantile(each[people & modern], 1 - FALSE_ALARMS)) for each in raw)
    most = np.log(CALLED_SYNTHETIC / (1 - CALLED_SYNTHETIC)) - curve.slope * highest
    return Platt(curve.slope, min(curve.offset, float(most)))


def _weights() -> Path:
    package = importlib.util.find_spec("distillmos")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The package distillmos is missing: `make train-voice` installs it.")
    return Path(package.submodule_search_locations[0]) / "weights" / "distill_mos_v7.pt"


def arguments(about: str | None) -> argparse.Namespace:
    """What the commands of this folder are given."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".train-voice"))
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--report", action="store_true", help="figures by codec and seconds too")
    return parser.parse_args()


def main() -> None:
    """Everything, in order."""
    given = arguments(__doc__)
    given.work.mkdir(parents=True, exist_ok=True)
    given.target.mkdir(parents=True, exist_ok=True)
    heard = Heard(given.data, given.prompts, given.work)
    shutil.copyfile(heard.build_encoder(_weights()), given.target / "encoder.onnx")
    learnt = [heard.rows(number) for number in LEARNT]
    recipe = Recipe()
    models = left_out(heard.clips, learnt, recipe)
    raw = [scores(heard.clips, models, learnt[number]) for number in (PLAIN, MASKED)]
    curve = calibrated(heard.clips, raw)
    model = fitted(heard.clips, taken(learnt, range(len(heard.clips))), recipe, NAME)
    replace(model, curve=curve).save(given.target / "voice.npz")
    print(json.dumps({"slope": curve.slope, "offset": curve.offset}))
    measured = {number: heard.rows(number) for number in report.views(full=given.report)}
    left = {number: scores(heard.clips, models, rows) for number, rows in measured.items()}
    control = {number: by_line_alone(heard.clips, learnt[number]) for number in (PLAIN, MASKED)}
    print(report.written(heard.clips, left, control, curve))


if __name__ == "__main__":
    main()
