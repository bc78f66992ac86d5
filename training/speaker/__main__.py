"""`make train-speaker`: adapts the network, fits what stands beside it, measures both, and writes them.

Seeded: the same data and packages give the same figures. What was done is kept in --work, and an
interrupted run goes on there.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import torch
from resemblyzer import voice_encoder

from callguard.voice.speaker.embedding import Encoder
from training.speaker import adapt, convert, embeddings, report
from training.speaker.clips import humans, known_speakers, samples
from training.speaker.fit import calibrated, fitted
from training.speaker.trials import trials

TARGET: Final = Path(__file__).parents[2] / "callguard" / "voice" / "speaker" / "model"


def main() -> None:
    """Prints the figures of docs/models/speaker.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with human/, neural/ and modern/")
    parser.add_argument("--prompts", type=Path, required=True, help="folder of the unpacked prompt packages")
    parser.add_argument("--work", type=Path, required=True, help="where what was done is kept")
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)

    clips = list(humans(chosen.data, chosen.prompts))
    measured = known_speakers(clips)
    original = voice_encoder.VoiceEncoder("cpu", verbose=False)
    student = voice_encoder.VoiceEncoder("cpu", verbose=False)
    teaching = adapt.pairs(chosen.data, clips, measured)
    print(
        f"{len(clips)} clips, {len(measured)} speakers to measure on; "
        f"{len(teaching)} clips of others to adapt on"
    )
    adapt.adapted(original, student, teaching, chosen.work / "adapting.pt")
    for line in convert.converted(original, student, chosen.target / "speaker.onnx.gz"):
        print(line)

    encoder = Encoder()
    joined = list(samples(clips))
    found = embeddings.of_all(joined, encoder, chosen.work)
    of_three = trials(found, report.ENROLLED)
    platt = calibrated(of_three)
    backend = fitted(found, platt)
    kept = {name: array.astype(np.float16) for name, array in backend._asdict().items()}
    np.savez_compressed(chosen.target / "backend.npz", allow_pickle=False, **kept)
    print(f"{len(joined)} samples of {len(backend.cohort)} speakers")
    for line in report.lines(found, joined, encoder, platt, chosen.data):
        print(line, flush=True)


if __name__ == "__main__":
    main()
