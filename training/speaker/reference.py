"""Records what the originals say, for the tests: `python -m training.speaker.reference --kept FILE`."""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import torch
from resemblyzer import audio, voice_encoder

from callguard.voice.speaker.embedding import FRAMES
from callguard.voice.speaker.mel import mel

TARGET: Final = Path(__file__).parents[2] / "tests" / "data" / "speaker" / "reference.npz"
_RATE: Final = 16_000
_HOP: Final = 40
_LEVEL: Final = 10 ** (-30 / 20)


def main() -> None:
    """The package's spectrogram of a made-up sound, and the adapted network's embedding of it at 8 kHz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="adapting.pt, as the training left it")
    chosen = parser.parse_args()
    rng = np.random.default_rng(5)
    noise = np.cumsum(rng.standard_normal(_RATE)) * np.abs(np.sin(np.arange(_RATE) / 900))
    sound = np.rint(noise / np.abs(noise).max() * 9000).astype(np.int16)
    network = voice_encoder.VoiceEncoder("cpu", verbose=False)
    network.load_state_dict(torch.load(chosen.kept)["student"])
    network.eval()
    narrow = np.tile(sound.astype(np.float32) / 32768, 3)[::2]
    levelled = narrow * np.float32(_LEVEL / np.sqrt(np.mean(np.square(narrow, dtype=np.float64))))
    bands = mel(levelled, _RATE // 2)
    stretches = np.stack([bands[start : start + FRAMES] for start in range(0, len(bands) - FRAMES + 1, _HOP)])
    with torch.no_grad():
        mean = network(torch.from_numpy(stretches)).numpy().mean(axis=0)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        TARGET,
        sound=sound,
        spectrogram=audio.wav_to_mel_spectrogram(sound.astype(np.float32) / 32768).astype(np.float32),
        embedding=(mean / np.linalg.norm(mean)).astype(np.float32),
    )


if __name__ == "__main__":
    main()
