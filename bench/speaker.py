"""What comparing voices costs: CPU milliseconds, on one thread, of each step for 4 s of speech.

python -m bench.speaker [--json]
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from callguard.local.recordings import AUDIO_FOLDER
from callguard.voice.files import read
from callguard.voice.speaker import model
from callguard.voice.speaker.fingerprint import fingerprint, is_copy
from callguard.voice.speaker.speech import RATE, speech_of
from callguard.voice.speaker.verification import verify
from callguard.voice.speaker.voiceprint import Voiceprint, with_recordings

_ROUNDS: Final = 50


def _milliseconds(work: Callable[[], object]) -> float:
    """The median of the thread's own time."""
    took = []
    for _ in range(_ROUNDS):
        begun = time.thread_time()
        work()
        took.append(1000 * (time.thread_time() - begun))
    return float(np.median(took))


def measure() -> dict[str, float]:
    """Milliseconds each."""
    begun = time.perf_counter()
    voices = model.load()
    start = 1000 * (time.perf_counter() - begun)
    samples, _ = read(AUDIO_FOLDER / "scam-caller.wav")
    spoken = speech_of(samples).samples
    own = np.array_split(spoken, 4)
    voiceprint, _ = with_recordings(Voiceprint(), [(one, None) for one in own[:3]], voices)
    four = own[3][: 4 * RATE]
    vector, print_ = voices.encoder.embed(four), fingerprint(four)
    return {
        "start": start,
        "find the speech": _milliseconds(lambda: speech_of(four)),
        "embed": _milliseconds(lambda: voices.encoder.embed(four)),
        "compare": _milliseconds(lambda: voices.compare(voiceprint.vectors, vector)),
        "fingerprint": _milliseconds(lambda: fingerprint(four)),
        "look for a replay in one recording": _milliseconds(
            lambda: is_copy(print_, voiceprint.samples[0].fingerprint)
        ),
        "verify, all of it": _milliseconds(lambda: verify(voiceprint, four, voices)),
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
        print(f"{name:36} {value:8.2f} ms")


if __name__ == "__main__":
    main()
