"""How many copies of enrolled voices are verified, of held-out speakers and through the shipped door.

    python -m training.speaker.copies --held-out DIR

DIR is what `training.speaker.held_out --clear` wrote. Each speaker enrolls with the first three recordings
that are taken; up to six others are played themselves, as WORLD makes them again, and as Griffin-Lim does,
over lines drawn as for training.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from callguard.errors import DetectorError
from callguard.evaluation.speaker import Recording, read_manifest
from callguard.voice.deepfake import shipped
from callguard.voice.deepfake.guard import guarded
from callguard.voice.speaker import model
from callguard.voice.speaker.liveness import Judge, judged_by
from callguard.voice.speaker.model import SpeakerModel
from callguard.voice.speaker.verification import verify
from callguard.voice.speaker.voiceprint import Refusal, Voiceprint
from training.speaker import clones
from training.speaker.channel import CHANNELS, through
from training.speaker.clips import Sound, read

_TRIED: Final = 6  # of each speaker
_MAKERS: Final[dict[str, Callable[[Sound], Sound]]] = {
    "the person themselves": lambda sound: sound,
    "WORLD": clones.world,
    "Griffin-Lim": clones.griffin_lim,
}

Outcomes = dict[str, dict[str, list[tuple[bool, bool]]]]
"""By maker and speaker: whether it was verified by the voice alone, and with the detector."""


def main() -> None:
    """Prints shares with intervals by speaker."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--held-out", type=Path, required=True)
    chosen = parser.parse_args()
    judge = _judge()
    outcomes = _tried(read_manifest(chosen.held_out / "manifest.csv"), judge)
    for line in told(outcomes, judged=judge is not None):
        print(line, flush=True)


def _tried(rows: list[Recording], judge: Judge | None) -> Outcomes:
    voices = model.load()
    speakers: dict[str, list[Recording]] = defaultdict(list)
    for row in rows:
        speakers[row.speaker].append(row)
    outcomes: Outcomes = {name: defaultdict(list) for name in _MAKERS}
    for speaker, own in speakers.items():
        voiceprint, others = _enrolled(own, voices)
        for number, row in enumerate(others[:_TRIED]):
            for name, make in _MAKERS.items():
                sound = through(make(read(row.path)[0]), CHANNELS[number % len(CHANNELS)], row.path.name)
                score = judge(sound) if judge else None
                alone = verify(voiceprint, sound, voices).verified
                outcomes[name][speaker].append((alone, verify(voiceprint, sound, voices, score).verified))
    return outcomes


def _enrolled(rows: list[Recording], voices: SpeakerModel) -> tuple[Voiceprint, list[Recording]]:
    """What the first three that are taken make, and the others; none where there are too few."""
    voiceprint, others = Voiceprint(), []
    for row in rows:
        taken = (
            Refusal.ENOUGH if voiceprint.is_complete else voiceprint.with_recording(read(row.path)[0], voices)
        )
        if isinstance(taken, Refusal):
            others.append(row)
        else:
            voiceprint = taken
    return voiceprint, others if voiceprint.is_complete else []


def _judge() -> Judge | None:
    """The detector that ships."""
    try:
        return judged_by(guarded(shipped.load()))
    except DetectorError:
        return None


def told(outcomes: Outcomes, *, judged: bool) -> Iterator[str]:
    """A line for each maker and way to decide."""
    for name, speakers in outcomes.items():
        for place, what in enumerate(("by the voice alone", "with the detector")[: 2 if judged else 1]):
            shares = np.array([np.mean([one[place] for one in own]) for own in speakers.values() if own])
            rng = np.random.default_rng(13)
            drawn = [rng.choice(shares, len(shares)).mean() for _ in range(1000)]
            low, high = np.percentile(drawn, [2.5, 97.5])
            count = sum(map(len, speakers.values()))
            share = f"{shares.mean():.1%} ({low:.1%}-{high:.1%})"
            yield f"{name}, verified {what}: {share}, {count} of {len(shares)} speakers"


if __name__ == "__main__":
    main()
