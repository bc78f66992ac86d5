"""What judging voices costs: a window, a core, and beside a hundred calls.

Windows of the demo's recordings go through the guard and the detector that is set, on one thread, as in a
worker's process. Then calls at once in real time (`bench.real_time`), each speaking all the time, with voices
judged and without, in turns: the server and its workers have one core between them, Postgres, the calls and
Twilio share the others. The person's policy is `local_always`, so that each voice is judged from its first
words on.

    python -m bench.voice [--calls 100] [--scams 25] [--seconds 20] [--turns 2] [--json]
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass

import numpy as np
import uvloop

from bench.real_time import Figures
from bench.real_time import bench as run_calls
from callguard.config import Settings, load_settings
from callguard.domain.analysis_policy import AnalysisPolicy
from callguard.domain.audio import SAMPLE_RATE, mulaw_decode, mulaw_encode
from callguard.local.recordings import load_mulaw, scenarios
from callguard.trust.logs import set_up_logs
from callguard.voice.activity import SpeechTape, speech_windows
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.guard import refusal

BATCH = 8
HOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of one thread's CPU; shares of real time count two seconds of new speech a window."""

    model: str
    windows: int
    cutting_ms_a_second: float
    guard_ms_a_window: float
    window_ms_median: float
    window_ms_p90: float
    windows_a_second_and_core: float
    real_time_factor: float


def costs(settings: Settings, rounds: int = 20) -> Costs:
    """Of the detector that is set."""
    detector = Choice.of(settings).load()
    spoken = (speech(60) / 32768).astype(np.float32)
    windows = [window.samples for window in speech_windows(spoken)]
    tape, begun = SpeechTape(), time.thread_time()
    for start in range(0, len(spoken), SAMPLE_RATE):
        tape.feed(spoken[start : start + SAMPLE_RATE])
    cutting = time.thread_time() - begun
    begun = time.thread_time()
    for window in windows:
        refusal(window)
    guard = time.thread_time() - begun
    detector.score(windows[:BATCH])
    took = []
    for turn in range(rounds):
        batch = [windows[(turn * BATCH + place) % len(windows)] for place in range(BATCH)]
        begun = time.thread_time()
        detector.score(batch)
        took.append((time.thread_time() - begun) / BATCH)
    mean = statistics.fmean(took)
    return Costs(
        model=detector.version,
        windows=rounds * BATCH,
        cutting_ms_a_second=round(cutting / 60 * 1000, 3),
        guard_ms_a_window=round(guard / len(windows) * 1000, 2),
        window_ms_median=round(statistics.median(took) * 1000, 2),
        window_ms_p90=round(float(np.quantile(took, 0.9)) * 1000, 2),
        windows_a_second_and_core=round(1 / mean, 1),
        real_time_factor=round(mean / HOP_S, 4),
    )


def speech(seconds: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """That many seconds of the demo's callers, again and again, without their pauses."""
    heard = [mulaw_decode(load_mulaw(scenario.caller)) for scenario in scenarios()]
    spoken = np.concatenate(
        [samples[np.convolve(np.abs(samples), np.ones(1600), "same") > 160_000] for samples in heard]
    )
    return np.resize(spoken, seconds * SAMPLE_RATE)


async def beside_calls(settings: Settings, wanted: argparse.Namespace) -> dict[str, list[Figures]]:
    """Turns with voices judged and without."""
    spoken = mulaw_encode(speech(wanted.seconds))
    found: dict[str, list[Figures]] = {"judged": [], "not judged": []}
    for _ in range(wanted.turns):
        for name, workers in (("not judged", 0), ("judged", 1)):
            own = settings.model_copy(update={"voice_workers": workers})
            found[name].append(
                await run_calls(own, wanted, spoken=spoken, policy=AnalysisPolicy.LOCAL_ALWAYS)
            )
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--scams", type=int, default=25)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    set_up_logs("error", "text")
    settings = load_settings()
    alone = costs(settings)
    beside = uvloop.run(beside_calls(settings, wanted))
    if wanted.json:
        runs = {name: [asdict(run) for run in each] for name, each in beside.items()}
        print(json.dumps({"alone": asdict(alone), "beside": runs}, indent=2))
        return
    for name, value in asdict(alone).items():
        print(f"{name.replace('_', ' '):28} {value:>10}")
    for figure in Figures.__dataclass_fields__:
        columns = [f"{getattr(run, figure):>10}" for each in beside.values() for run in each]
        print(f"{figure.replace('_', ' '):28} {' '.join(columns)}")
    print(f"{'':28} {' '.join(f'{name:>10}' for name, each in beside.items() for _ in each)}")


if __name__ == "__main__":
    main()
