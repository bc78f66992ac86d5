"""`make train-voice`: reads the clips, hears each by several lines, fits the model, measures it, writes it.

    python -m training.voice.train --data DIR [--prompts DIR] [--work DIR] [--target DIR]

What was heard is kept in the work folder, 256 clips at a time: broken off, it goes on from there. The figures
are of engines, pages and speakers left out in turn; the shipped model is fitted to everything.
"""

import argparse
import importlib.util
import pickle
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from callguard.voice.deepfake.calibration import Platt, fit_platt
from callguard.voice.deepfake.features import LINE, SAMPLES, TOLD, Encoder, features
from callguard.voice.deepfake.shipped import Linear, Model
from training.voice import encoder, report
from training.voice.copies import classics, copies
from training.voice.corpora import FOLDS, Clip, Samples, clips, read, split
from training.voice.fit import Recipe, Rows, fitted
from training.voice.measured import Values
from training.voice.views import LEARNT, MASKED, PLAIN, view

NAME: Final = "voice-1"
AT_ONCE: Final = 256
CALIBRATION_WINDOWS: Final = 96
FALSE_ALARMS: Final = 0.04
"""The share of people left out in turn that may score CALLED_SYNTHETIC or more, masked or not."""
CALLED_SYNTHETIC: Final = 0.7
VOCODER_ALARMS: Final = 0.005
STEEPNESS: Final = 3.0
PEOPLE: Final = frozenset({"modern", "neural", "human"})
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


SHIPPED: Final = Recipe()


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a model is taught: from synthetic clips of `engines` (eras), people of `people`, and how."""

    engines: frozenset[str]
    people: frozenset[str] = PEOPLE
    recipe: Recipe = SHIPPED

    def of(self, clips: Sequence[Clip], chosen: Iterable[int]) -> list[int]:
        """Which of `chosen` it has."""
        eras = {True: self.engines, False: self.people}
        return [i for i in chosen if clips[i].era in eras[clips[i].spoof]]


NEURAL: Final = Lesson(frozenset({"modern", "neural"}))
VOCODER: Final = Lesson(frozenset({"copy", "classic"}), recipe=Recipe(strictness=1e-3, page_freedom=1.0))
CONTROL: Final = Lesson(
    frozenset({"modern"}), frozenset({"modern"}), Recipe(strictness=1e-2, page_freedom=0.0, line_penalty=None)
)


def left_out(heard: Sequence[Clip], learnt: Sequence[Rows], lesson: Lesson) -> list[Linear]:
    """For each fold, a model that never saw its engines, pages and speakers."""
    everything = list(heard)
    return [
        fitted(everything, taken(learnt, lesson.of(heard, split(everything, fold)[0])), lesson.recipe)
        for fold in range(FOLDS)
    ]


def scores(heard: Sequence[Clip], models: Sequence[Linear | Model], rows: Rows) -> Values:
    """Each clip's raw score by the model that never saw its like; NaN where a copy belongs to two folds."""
    found = np.full(len(heard), np.nan)
    for fold, model in enumerate(models):
        _, test = split(list(heard), fold)
        found[test] = model.raw(rows.told[test], rows.line[test])
    return found


def scaled(heard: Sequence[Clip], raw: Sequence[Values], neural: Sequence[Values]) -> tuple[float, float]:
    """Factor and summand that bring the vocoders' model beside the other.

    Of people left out, VOCODER_ALARMS may come by it where FALSE_ALARMS come by that one; it is STEEPNESS
    times as steep there, so that under it, it hardly ever counts.
    """
    people = np.array([not clip.spoof for clip in heard])
    from_here = max(float(np.quantile(each[people], 1 - VOCODER_ALARMS)) for each in raw)
    to_here = max(float(np.quantile(each[people], 1 - FALSE_ALARMS)) for each in neural)
    factor = STEEPNESS * float(np.nanstd(neural[0]) / np.nanstd(raw[0]))
    return factor, to_here - factor * from_here


def times(model: Linear, factor: float, summand: float) -> Linear:
    """The model whose raw score is `factor` times as high, plus `summand`."""
    return replace(
        model,
        weights=model.weights * factor,
        line_weights=model.line_weights * factor,
        offset=model.offset * factor + summand,
    )


def by_line_alone(heard: Sequence[Clip], rows: Rows) -> Values:
    """The control: what the line's level, noise floor and long-term spectrum tell of modern engines."""
    lines = Rows(rows.line, rows.line, rows.clip)
    return scores(heard, left_out(heard, [lines], CONTROL), lines)


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


def taught(heard: Sequence[Clip], learnt: Sequence[Rows]) -> tuple[list[Model], Model]:
    """The models with a fold left out each, and the one that is shipped. `learnt` begins plain, masked."""
    lines = learnt[PLAIN], learnt[MASKED]
    neural, vocoder = (left_out(heard, learnt, lesson) for lesson in (NEURAL, VOCODER))
    raw = [[scores(heard, models, line) for line in lines] for models in (vocoder, neural)]
    factor, summand = scaled(heard, *raw)
    none = Platt(1.0, 0.0)
    models = [
        Model(one, times(other, factor, summand), none, NAME)
        for one, other in zip(neural, vocoder, strict=True)
    ]
    curve = calibrated(heard, [scores(heard, models, line) for line in lines])
    one, other = (
        fitted(list(heard), taken(learnt, lesson.of(heard, range(len(heard)))), lesson.recipe)
        for lesson in (NEURAL, VOCODER)
    )
    return models, Model(one, times(other, factor, summand), curve, NAME)


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
    models, model = taught(heard.clips, learnt)
    model.save(given.target / "voice.npz")
    measured = {number: heard.rows(number) for number in report.views(full=given.report)}
    left = {number: scores(heard.clips, models, rows) for number, rows in measured.items()}
    control = {number: by_line_alone(heard.clips, learnt[number]) for number in (PLAIN, MASKED)}
    print(model.curve)
    print(report.written(heard.clips, left, control, model.curve))


if __name__ == "__main__":
    main()
