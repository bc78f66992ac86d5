"""Every sample's embedding over every channel, computed once and kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from callguard.evaluation.speaker_trials import Embeddings
from callguard.voice.speaker.embedding import STRETCH_S, Encoder, Vector
from callguard.voice.speaker.speech import speech_of
from training.speaker.channel import CHANNELS, through
from training.speaker.clips import Sample, Sound


def of_all(samples: list[Sample], encoder: Encoder, kept: Path) -> Embeddings:
    """Read from `kept`, where an earlier run of the same network left them there."""
    file = kept / f"embeddings-{encoder.checksum}.npz"
    if not file.exists():
        rows: list[tuple[Any, ...]] = list(_rows(samples, encoder))
        columns = [np.array(column) for column in zip(*rows, strict=True)]
        np.savez(file, allow_pickle=False, **dict(zip(Embeddings.__slots__, columns, strict=True)))
    with np.load(file) as arrays:
        return Embeddings(**{name: arrays[name] for name in Embeddings.__slots__})


def _rows(samples: list[Sample], encoder: Encoder) -> Iterator[tuple[Any, ...]]:
    for number, sample in enumerate(samples):
        for channel in CHANNELS:
            found = embedded(through(sample.sound, channel, str(sample.paths[0].name)), encoder)
            if found is not None:
                vector, seconds = found
                yield vector, sample.corpus, sample.speaker, sample.kind, number, channel, seconds


def embedded(sound: Sound, encoder: Encoder) -> tuple[Vector, float] | None:
    """A sound's embedding and its seconds of speech; None where there is too little."""
    speech = speech_of(sound)
    return (encoder.embed(speech.samples), speech.seconds) if speech.seconds >= STRETCH_S else None
