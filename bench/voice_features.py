"""`python -m bench.voice_features`: what measuring a voice costs, of one core, beside Praat's same measures.

The demo's calls are joined to a minute of telephone speech; the other rates are the same sound resampled.
"""

import resource
import time
from collections.abc import Callable

import numpy as np
import parselmouth
from numpy.typing import NDArray
from parselmouth.praat import call

from callguard.local.recordings import load_samples, scenarios
from callguard.voice.dsp.features import features
from callguard.voice.resampling import resample

RATES = (8000, 16_000, 48_000)
SECONDS = 60
ROUNDS = 3


def main() -> None:
    """Prints the share of real time that each takes."""
    calls = [load_samples(path)[0] for scene in scenarios() for path in (scene.caller, scene.callee)]
    minute = np.concatenate(calls)[: SECONDS * 8000]
    for rate in RATES:
        samples = resample(minute, 8000, rate).astype(np.float32)
        ours = _cost(lambda s=samples, r=rate: features(s, r))  # type: ignore[misc]  # bound now
        praats = _cost(lambda s=samples, r=rate: _praat(s, r))  # type: ignore[misc]
        print(
            f"{rate / 1000:g} kHz: features {100 * ours:.2f} % of a core in real time, "
            f"Praat's pitch, cycles and formants alone {100 * praats:.2f} %"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _cost(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return min(taken) / SECONDS


def _praat(samples: NDArray[np.float32], rate: int) -> None:
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    pitch = call(sound, "To Pitch (ac)", 0.01, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 600)
    call([sound, pitch], "To PointProcess (cc)")
    call(sound, "To Formant (burg)", 0.01, 5, min(5500, rate / 2), 0.025, 50)


if __name__ == "__main__":
    main()
