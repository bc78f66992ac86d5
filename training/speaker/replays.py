"""Is an enrolled recording noticed when it is played again, and how often is another one taken for it?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from callguard.domain.proportions import wilson
from callguard.voice.speaker.fingerprint import fingerprint, is_copy
from callguard.voice.speaker.speech import RATE
from training.speaker.channel import line, mulaw
from training.speaker.clips import Sample, Sound

_REPLAYED: Final = 200
_OTHERS: Final = 20  # that each is compared with: half of the same speaker, where there are so many


def lines(samples: Sequence[Sample]) -> Iterator[str]:
    """Shares with their counts."""
    rng = np.random.default_rng(17)
    chosen = [samples[place] for place in rng.permutation(len(samples))[:_REPLAYED]]
    prints = [fingerprint(sample.sound) for sample in chosen]
    for name, change in _changes(rng):
        found = sum(
            is_copy(fingerprint(change(one.sound)), known) for one, known in zip(chosen, prints, strict=True)
        )
        yield _share(f"replayed {name}, noticed", found, len(chosen))
    for name, same in (("another recording of the same speaker", True), ("one of another speaker", False)):
        wrong = compared = 0
        for sample, known in zip(chosen, prints, strict=True):
            others = [one for one in samples if one is not sample and (one.speaker == sample.speaker) is same]
            for place in rng.permutation(len(others))[:_OTHERS]:
                compared += 1
                wrong += is_copy(fingerprint(line(others[place].sound, rng)), known)
        yield _share(f"{name}, taken for a replay", wrong, compared)


def _changes(rng: np.random.Generator) -> Iterator[tuple[str, Callable[[Sound], Sound]]]:
    yield "as it is", mulaw
    yield "quieter, begun 5 ms into a frame", lambda sound: mulaw(sound[44:] * np.float32(0.2))
    yield "over another line", lambda sound: line(sound, rng)
    yield "over another line, 3.2 s of it", lambda sound: line(sound[1064 : 1064 + int(3.2 * RATE)], rng)
    yield "twice over a line", lambda sound: line(line(sound, rng), rng)


def _share(what: str, count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{what}: {count / of:.2%} ({low:.2%}-{high:.2%}), {count} of {of}"
