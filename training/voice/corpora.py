"""What the deepfake model learns from: clips of people and of engines, with what ties them together.

`--data DIR` holds `modern/`, `neural/` and `human/`; the first two have a `manifest.csv`. `--prompts DIR`
holds unpacked packages of prompts that people recorded for telephone systems. Every clip comes out as the
speech in it, mono at 8 kHz, at one level; whatever its label is, it went the same way.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from callguard.voice.activity import speech_windows

RATE: Final = 8000
LEVEL: Final = 0.05
"""The root mean square of every clip's speech: 26 dB below full scale, as is usual in telephony."""
LEAST_S: Final = 1.5
MOST_S: Final = 8.0
FOLDS: Final = 5

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. `era` is modern, neural, classic or human; `fold` is in which it is left out."""

    name: str
    path: Path
    spoof: bool
    era: str
    engine: str
    speaker: str
    repo: str
    fold: int
    original: str = ""
    """The human clip that a copy was made from: both belong to the same fold."""


_MODERN_FOLDS: Final = {
    "e1tts/e1tts.github.io": 0,
    "yangdongchao/UniAudio_demo": 0,
    "RichardDebugFile/IA_Vtuber": 0,
    "vanch007/mlx-tts-benchmarks": 0,
    "ditto-tts/ditto-tts.github.io": 1,
    "naturalspeech2/naturalspeech2.github.io": 1,
    "styletts2/styletts2.github.io": 1,
    "facebookresearch/seamless_communication": 1,
    "index-tts/index-tts.github.io": 2,
    "SWivid/SWivid.github.io": 2,
    "lb179/wav": 2,
    "jasonppy/VoiceCraft_web": 3,
    "sh-lee-prml/HierSpeechpp-demo": 3,
    "maskgct/maskgct.github.io": 3,
    "BytedanceSpeech/bytedancespeech.github.io": 0,
    "KoljaB/RealtimeTTS": 0,
    "GoogleCloudPlatform/nodejs-docs-samples": 0,
    "resemble-ai/Resemblyzer": 1,
    "watson-developer-cloud/speech-to-text-nodejs": 2,
    "alumae/kaldi-gstreamer-server": 2,
    "mozilla/DeepSpeech": 3,
    "tyiannak/pyAudioAnalysis": 3,
    "jim-schwoebel/sample_voice_data": 4,
    "kikucosmo/voice-samples": 4,
    "speechbrain/speechbrain": 4,
}
"""By the page a clip comes from: pages that share most engines stand together. Any other page (Bark, Azure,
Gemini, Melo, Parler) is in the last fold. What still is shared is dropped from the training side: `split`."""
_NEURAL_FOLDS: Final = {
    0: "bigvgan kan-bayashi hifi-gan-demo QuasiPeriodic wavegrad.github VQMIVC grad-tts",
    1: "Resemblyzer vocos vits-demo glow-tts DiffGAN WaveGrad2 FragmentVC StarGAN-Voice",
    2: "YourTTS kallavinka8045 seungwonpark melgan-neurips FreeVC",
    3: "r9y9 speechbot portaspeech AGAIN-VC one-shot SpeechSplit",
    4: "FastSpeech2 StyleSpeech PortaSpeech starganv2 waveflow clarinet-demo diffwave CycleGAN larynx",
}
ENGINE_FOLDS: Final = {"world": 0, "griffin-lim": 1, "espeak": 2, "flite": 3}
"""Which fold leaves out an engine whose clips are made here."""
LEFT_OUT: Final = (
    "kokoro",
    "eleven",
    "openai",
    "tortoise",
    "seed-tts",
    "fish",
    "zonos",
    "higgs",
    "indextts_",
)
"""Engines that are kept for trials: should one turn up in the data, it is not read."""


def _neural_fold(repo: str) -> int:
    hits = [fold for fold, words in _NEURAL_FOLDS.items() if any(word in repo for word in words.split())]
    return hits[0] if hits else sum(repo.encode()) % FOLDS


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        yield from csv.DictReader(file)


def _modern(data: Path) -> Iterator[Clip]:
    for row in _rows(data / "modern"):
        yield Clip(
            name=f"modern/{row['path']}",
            path=data / "modern" / row["path"],
            spoof=row["label"] == "spoof",
            era="modern",
            engine=row["source"],
            speaker=f"{row['source']}/{row['speaker']}",
            repo=row["repo"],
            fold=_MODERN_FOLDS.get(row["repo"], 4),
        )


def _neural(data: Path) -> Iterator[Clip]:
    for row in _rows(data / "neural"):
        yield Clip(
            name=f"neural/{row['path']}",
            path=data / "neural" / row["path"],
            spoof=row["label"] == "spoof",
            era="neural",
            engine=row["engine_or_corpus"],
            speaker=row["speaker"],
            repo=row["source_repo"],
            fold=_neural_fold(row["source_repo"]),
        )


def _emotional(data: Path) -> Iterator[Clip]:
    """The Berlin database's speakers; of its 278 clips every second one."""
    for path in sorted((data / "human" / "emodb").glob("*.flac"))[::2]:
        speaker = f"emodb-{path.name[:2]}"
        fold = {"03": 0, "08": 1, "09": 2, "10": 3}.get(path.name[:2], 4)
        yield Clip(f"emodb/{path.name}", path, False, "human", "emodb", speaker, speaker, fold)


PROMPTS_A_SPEAKER: Final = 60


def _prompts(folder: Path) -> Iterator[Clip]:
    """Prompts of telephone systems: the longest of every speaker."""
    for fold, package in enumerate(sorted(folder.glob("asterisk-*"))):
        found = sorted(package.rglob("*.wav"), key=lambda path: (-path.stat().st_size, path.name))
        for path in found[:PROMPTS_A_SPEAKER]:
            name = f"{package.name}/{path.stem}"
            yield Clip(name, path, False, "human", "prompts", package.name, package.name, fold % FOLDS)


def clips(data: Path, prompts: Path | None) -> list[Clip]:
    """Everything there is to read, in a stable order."""
    found = [*_modern(data), *_neural(data), *_emotional(data)]
    if prompts is not None:
        found += _prompts(prompts)
    return [clip for clip in found if not any(word in clip.engine.lower() for word in LEFT_OUT)]


def at_level(samples: Samples) -> Samples:
    """`samples` with a root mean square of LEVEL."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return (samples * (LEVEL / max(rms, 1e-6))).astype(np.float32)


def speech(samples: Samples, rate: int) -> Samples:
    """Where somebody speaks in mono samples: joined, at 8 kHz, at most MOST_S; empty if too little."""
    windows = speech_windows(samples, rate, window_s=MOST_S, hop_s=MOST_S, least_s=LEAST_S)
    return windows[0].samples if windows else samples[:0]


def read(clip: Clip) -> Samples | None:
    """The clip's speech at 8 kHz and LEVEL, at most MOST_S of it, or None if there's too little."""
    raw, rate = soundfile.read(clip.path, dtype="float32", always_2d=True)
    found = speech(raw.mean(axis=1), rate)
    return at_level(found) if len(found) else None


def split(everything: list[Clip], fold: int) -> tuple[list[int], list[int]]:
    """Indices to train on and to test on when `fold` is left out.

    Test: the fold's clips; of copies, those by the engines of this fold. Train: the rest without any engine
    of the test's synthetic clips, any page the test's clips come from and any of its speakers.
    """
    test = [
        i
        for i, clip in enumerate(everything)
        if clip.fold == fold and ENGINE_FOLDS.get(clip.engine, fold) == fold
    ]
    engines = {everything[i].engine for i in test if everything[i].spoof}
    repos = {everything[i].repo for i in test}
    speakers = {everything[i].speaker for i in test}
    train = [
        i
        for i, clip in enumerate(everything)
        if clip.fold != fold
        and not (clip.spoof and clip.engine in engines)
        and clip.repo not in repos
        and clip.speaker not in speakers
    ]
    return train, test
