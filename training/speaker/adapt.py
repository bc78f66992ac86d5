"""Teaches the network the telephone: what it says of a voice on a bad line is to be what it says of it in
the clear.

The original network hears the clip at its full rate (teacher), a copy of it hears the clip after a drawn
telephone line (student); the student's embedding is drawn towards the teacher's, and away from those of the
other clips in the batch. No clip's speaker is asked for: all clips are of voices that nothing is measured
on, synthetic ones too.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from resemblyzer import VoiceEncoder
from torch.nn import functional

from callguard.voice.speaker.embedding import FRAMES
from callguard.voice.speaker.mel import mel
from callguard.voice.speaker.speech import RATE, speech_mask
from training.speaker.channel import line, mulaw
from training.speaker.clips import Clip, Sound, levelled, manifest, read, telephone

STEPS: Final = 600
_BATCH: Final = 48
_LINES: Final = 6  # of each clip
_RATE: Final = 3e-4
_WARMING: Final = 30
_LEVEL: Final = 10 ** (-30 / 20)
_OWN_STRETCH: Final = 0.4
"""The teacher's word on the very stretch; the rest is its mean over the clip, whatever is said in it."""
_TEMPERATURE: Final = 0.05
_OTHERS: Final = 0.1
_KEPT_EVERY: Final = 50
_FULL_RATE: Final = 16_000
_LEAST_S: Final = 2.0
_UNHEARD: Final = 60
"""Clips that only tell how it goes."""

Mels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pair:
    """`clear` [frames, 40] for the teacher, `lines` the same moments after telephone lines."""

    clear: Mels
    lines: tuple[Mels, ...]


def pairs(data: Path, clips: Sequence[Clip], measured: set[str]) -> list[Pair]:
    """Of human clips whose speakers nothing is measured on, and of synthetic voices that copy none of
    these.
    """
    paths = {clip.path for clip in clips if clip.speaker not in measured}
    for folder in ("neural", "modern"):
        for row in manifest(data / folder):
            named = not row["voice"].startswith("?") and row["voice"] != "lj"
            if row["label"] != "human" and named and row["voice"] not in measured:
                paths.add(data / folder / row["path"])
    return [pair for path in sorted(paths) if (pair := _pair(path)) is not None]


def _pair(path: Path) -> Pair | None:
    sound, rate = read(path)
    narrow = telephone(sound, rate)
    if len(narrow) < _LEAST_S * RATE or not (spoken := speech_mask(narrow)).any():
        return None
    wide = sound if rate == _FULL_RATE else narrow
    clear = mel(_spoken(wide, np.repeat(spoken, 2) if rate == _FULL_RATE else spoken), min(rate, _FULL_RATE))
    if len(clear) <= FRAMES:
        return None
    rngs = [
        np.random.default_rng(zlib.crc32(f"{path.name} {number}".encode())) for number in range(1, _LINES)
    ]
    heard = [mulaw(narrow), *(line(narrow, rng) for rng in rngs)]
    return Pair(clear, tuple(mel(_spoken(one, spoken), RATE) for one in heard))


def _spoken(sound: Sound, mask: NDArray[np.bool_]) -> Sound:
    size = min(len(sound), len(mask))
    return levelled(sound[:size][mask[:size]], _LEVEL)


def adapted(
    teacher: VoiceEncoder, student: VoiceEncoder, teaching: Sequence[Pair], kept: Path, steps: int = STEPS
) -> None:
    """Trains `student` (a copy of `teacher`, both Resemblyzer's module); goes on from `kept`, where that
    is there.
    """
    torch.manual_seed(1)
    order = np.random.default_rng(3).permutation(len(teaching))
    unheard, heard = order[:_UNHEARD], order[_UNHEARD:]
    whole = torch.from_numpy(np.stack([_whole(teacher, pair.clear) for pair in teaching]))
    optimiser = torch.optim.Adam(student.parameters(), lr=_RATE)
    first = 0
    if kept.exists():
        state = torch.load(kept)
        student.load_state_dict(state["student"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    for step in range(first, steps):
        draw = np.random.default_rng((3, step))  # a resumed run draws what an unbroken one would
        for group in optimiser.param_groups:
            group["lr"] = float(
                _RATE * min(1, (step + 1) / _WARMING) * (1 + np.cos(np.pi * step / steps)) / 2
            )
        chosen = draw.choice(heard, _BATCH, replace=False)
        near, apart = _losses(teacher, student, [teaching[i] for i in chosen], whole[chosen], draw)
        optimiser.zero_grad()
        (near + _OTHERS * apart).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 3.0)
        optimiser.step()
        if (step + 1) % _KEPT_EVERY == 0 or step + 1 == steps:
            torch.save(
                {"student": student.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1}, kept
            )
            with torch.no_grad():
                told, _ = _losses(
                    teacher, student, [teaching[i] for i in unheard], whole[unheard], np.random.default_rng(9)
                )
            print(
                f"step {step + 1}: distance {near.item():.3f}, of unheard clips {told.item():.3f}", flush=True
            )


def _losses(
    teacher: VoiceEncoder,
    student: VoiceEncoder,
    batch: Sequence[Pair],
    whole: torch.Tensor,
    draw: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    clear, heard = [], []
    for pair in batch:
        one = pair.lines[draw.integers(len(pair.lines))]
        start = draw.integers(min(len(pair.clear), len(one)) - FRAMES + 1)
        clear.append(pair.clear[start : start + FRAMES])
        heard.append(one[start : start + FRAMES])
    with torch.no_grad():
        own = teacher(torch.from_numpy(np.stack(clear)))
    target = functional.normalize(_OWN_STRETCH * own + (1 - _OWN_STRETCH) * whole, dim=1)
    _, (hidden, _) = student.lstm(torch.from_numpy(np.stack(heard)))
    found = functional.normalize(torch.relu(student.linear(hidden[-1])) + 1e-6, dim=1)
    near = (1 - (found * target).sum(dim=1)).mean()
    return near, functional.cross_entropy(found @ target.T / _TEMPERATURE, torch.arange(len(batch)))


def _whole(teacher: VoiceEncoder, clear: Mels) -> NDArray[np.float32]:
    stretches = np.stack([clear[start : start + FRAMES] for start in range(0, len(clear) - FRAMES + 1, 40)])
    with torch.no_grad():
        mean = teacher(torch.from_numpy(stretches)).numpy().mean(axis=0)
    found: NDArray[np.float32] = mean / np.linalg.norm(mean)
    return found
