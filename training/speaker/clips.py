"""Which recordings teach and measure: human voices by speaker, joined until there is speech enough to
compare.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from callguard.voice.resampling import resample
from callguard.voice.speaker.speech import RATE, speech_of

Sound = NDArray[np.float32]

_LEVEL: Final = 10 ** (-23 / 20)
_LEAST_S: Final = 3.2
_LEAST_ALONE_S: Final = 1.6
"""A voice with a single short clip still tells how voices differ."""
_FEW: Final = 30
"""Samples of one speaker at the most."""
_LONGEST_JOINED: Final = 20
_READ_CORPORA: Final = {
    "libritts": "libri",
    "librispeech": "libri",
    "LibriSpeech": "libri",
    "VCTK": "vctk",
    "MLS": "mls",
    "mls-pt": "mls",
}
_PROMPTS: Final = {
    "en_US_f_Allison": "allison",
    "es_MX_f_Allison": "allison",
    "fr_CA_f_June": "june",
    "it_IT_m_Carlo": "carlo",
    "it_IT_f_Menardi": "menardi",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One file. `kind`: what must not be mixed within one sample, such as an emotion or a language."""

    corpus: str
    speaker: str
    path: Path
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Clips of one speaker and kind that are compared as one recording."""

    corpus: str
    speaker: str
    kind: str
    paths: tuple[Path, ...]
    sound: Sound


def humans(data: Path, prompts: Path) -> Iterator[Clip]:
    """Every human clip. `data` holds human/, neural/ and modern/; `prompts` the unpacked prompt packages."""
    for path in sorted((data / "human" / "emodb").glob("*.flac")):
        yield Clip("emodb", f"emodb-{path.name[:2]}", path, path.name[5])
    for path in sorted((data / "human" / "fsdd").glob("*.flac")):
        named = re.search("jackson|nicolas|theo", path.name)
        yield Clip("fsdd", f"fsdd-{named[0] if named else ''}", path)
    for folder in ("neural", "modern"):
        for row in manifest(data / folder):
            if row["label"] == "human" and "diarization" not in row["speaker"]:
                yield Clip(row["corpus"], row["voice"], data / folder / row["path"])
    for name, speaker in _PROMPTS.items():
        for path in sorted(prompts.glob(f"**/{name}/**/*.wav")):
            if "silence" not in path.parts and soundfile.info(path).duration >= 2:
                yield Clip("prompts", f"prompts-{speaker}", path, name)


def manifest(folder: Path) -> Iterator[dict[str, str]]:
    """Its rows with `corpus`, and with `voice`: the speaker, or the file itself where nobody knows whose
    it is.
    """
    with (folder / "manifest.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            corpus = row.get("engine_or_corpus") or row["source"]
            voice = re.sub("^librispeech-", "libri-", row["speaker"])
            known = _READ_CORPORA.get(corpus) or (re.match("libri|vctk|mls", voice) or [""])[0]
            nobody = voice in {"unknown", ""}
            yield row | {
                "corpus": known or f"{folder.name}-{corpus}",
                "voice": f"?{row['path']}" if nobody else voice,
            }


def known_speakers(clips: Sequence[Clip]) -> set[str]:
    """Those with at least two clips: they can be compared with themselves."""
    times = Counter(clip.speaker for clip in clips)
    return {speaker for speaker, count in times.items() if count > 1 and not speaker.startswith("?")}


def samples(clips: Sequence[Clip]) -> Iterator[Sample]:
    """Consecutive clips of one speaker and kind, joined until they hold 3.2 s of speech."""
    groups: dict[tuple[str, str, str], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.corpus, clip.speaker, clip.kind), []).append(clip)
    made: Counter[str] = Counter()
    for (corpus, speaker, kind), group in groups.items():
        paths: list[Path] = []
        sounds: list[Sound] = []
        for clip in group:
            if made[speaker] >= _FEW:
                break
            paths.append(clip.path)
            sounds.append(levelled(telephone(*read(clip.path))))
            joined = np.concatenate(sounds)
            seconds = speech_of(joined).seconds
            if seconds >= _LEAST_S or (len(group) == 1 and seconds >= _LEAST_ALONE_S):
                yield Sample(corpus, speaker, kind, tuple(paths), joined)
                made[speaker] += 1
                paths, sounds = [], []
            elif len(paths) == _LONGEST_JOINED:
                paths, sounds = [], []


def read(path: Path) -> tuple[Sound, int]:
    """A file's samples, mixed down, and their rate."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return sound.mean(axis=1), rate


def telephone(sound: Sound, rate: int) -> Sound:
    """At the 8000 Hz at which voices are compared."""
    return resample(sound, rate, RATE)


def levelled(sound: Sound, to: float = _LEVEL) -> Sound:
    """The same at another root mean square."""
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return (sound * np.float32(to / max(level, 1e-6))).astype(np.float32)
