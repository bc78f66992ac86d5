"""A voiceprint: what is kept of the recordings that somebody enrolled with. Never the recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from callguard.voice.deepfake.port import CallScore
from callguard.voice.speaker.embedding import Vector
from callguard.voice.speaker.fingerprint import fingerprint, is_copy
from callguard.voice.speaker.model import SpeakerModel
from callguard.voice.speaker.speech import RATE, Speech, clean, speech_of

SAMPLES_NEEDED: Final = 3
MOST_SAMPLES: Final = 10
MOST_HEARD: Final = 60 * RATE
"""Samples of speech in one recording that are looked at; more of it says nothing new."""
LEAST_SPEECH_S: Final = 3.0
LEAST_CLEANNESS_DB: Final = 10.0
MOST_CLIPPED: Final = 0.01
SYNTHETIC_FROM: Final = 0.7
"""A deepfake score above it never enrols and never verifies."""
LEAST_CONSISTENT: Final = 0.2
"""Confidence below which a recording is another's than those before it."""
_GOOD_SPEECH_S: Final = 10.0
_GOOD_CLEANNESS_DB: Final = 30.0


class Refusal(StrEnum):
    """Why a recording was not taken into a voiceprint. The values are stable; words.py says what to do."""

    TOO_LITTLE_SPEECH = "INSUFFICIENT_SPEECH"
    NOT_SPEECH = "AUDIO_NO_SPEECH"  # a tone, a hum
    TOO_NOISY = "TOO_NOISY"
    CLIPPED = "CLIPPED"
    SYNTHETIC = "SYNTHETIC_VOICE"
    LIVENESS_UNKNOWN = "LIVENESS_UNKNOWN"  # the detector could not judge it
    REPEATED = "REPEATED_RECORDING"  # a recording that is enrolled already
    OTHER_VOICE = "OTHER_VOICE"
    ENOUGH = "ENOUGH_SAMPLES"


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One recording: its embedding as 256 float16, its fingerprint, seconds of speech, and how clean it
    was.
    """

    embedding: bytes
    fingerprint: bytes
    speech_s: float
    cleanness_db: float

    @property
    def vector(self) -> Vector:
        return np.frombuffer(self.embedding, np.float16).astype(np.float32)

    @property
    def quality(self) -> float:
        """0-1, from 3 to 10 seconds of speech and from 10 to 30 dB."""
        long = (self.speech_s - LEAST_SPEECH_S) / (_GOOD_SPEECH_S - LEAST_SPEECH_S)
        clean = (self.cleanness_db - LEAST_CLEANNESS_DB) / (_GOOD_CLEANNESS_DB - LEAST_CLEANNESS_DB)
        return float((np.clip(long, 0, 1) + np.clip(clean, 0, 1)) / 2)


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """The recordings so far; it compares with nothing before there are three."""

    samples: tuple[Sample, ...] = ()

    @property
    def is_complete(self) -> bool:
        return len(self.samples) >= SAMPLES_NEEDED

    @property
    def quality(self) -> float:
        """0-1: the mean of its recordings."""
        return sum(sample.quality for sample in self.samples) / max(len(self.samples), 1)

    @property
    def vectors(self) -> list[Vector]:
        return [sample.vector for sample in self.samples]

    def has_copy_in(self, print_: bytes) -> bool:
        """Whether a recording with this fingerprint is one of its own again."""
        return any(is_copy(print_, sample.fingerprint) for sample in self.samples)

    def with_recording(
        self, samples: NDArray[np.float32], model: SpeakerModel, deepfake: CallScore | None = None
    ) -> Self | Refusal:
        """With one more recording, float32 [n] at 8000 Hz, or why not. `deepfake`: its score, where there
        is a detector.
        """
        if len(self.samples) >= MOST_SAMPLES:
            return Refusal.ENOUGH
        samples = clean(samples)
        speech, print_ = speech_of(samples), fingerprint(samples)
        if (refusal := _unusable(speech)) is not None:
            return refusal
        if deepfake is not None and (deepfake.score is None or deepfake.score > SYNTHETIC_FROM):
            return Refusal.LIVENESS_UNKNOWN if deepfake.score is None else Refusal.SYNTHETIC
        if self.has_copy_in(print_):
            return Refusal.REPEATED
        vector = model.encoder.embed(speech.samples[:MOST_HEARD])
        if self.samples and model.compare(self.vectors, vector).confidence < LEAST_CONSISTENT:
            return Refusal.OTHER_VOICE
        kept = vector.astype(np.float16).tobytes()
        return type(self)((*self.samples, Sample(kept, print_, speech.seconds, speech.cleanness_db)))

    def pack(self) -> bytes:
        return msgspec.msgpack.encode(self.samples)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        return cls(msgspec.msgpack.decode(packed, type=tuple[Sample, ...]))


def with_recordings(
    voiceprint: Voiceprint,
    recordings: Sequence[tuple[NDArray[np.float32], CallScore | None]],
    model: SpeakerModel,
) -> tuple[Voiceprint, list[Refusal | None]]:
    """The voiceprint with those of the recordings (samples at 8000 Hz, deepfake score) that can be used,
    and why each of the others can't.
    """
    told: list[Refusal | None] = []
    for samples, deepfake in recordings:
        found = voiceprint.with_recording(samples, model, deepfake)
        if isinstance(found, Refusal):
            told.append(found)
        else:
            voiceprint = found
            told.append(None)
    return voiceprint, told


def _unusable(speech: Speech) -> Refusal | None:
    if speech.seconds < LEAST_SPEECH_S:
        return Refusal.TOO_LITTLE_SPEECH
    if speech.steady:
        return Refusal.NOT_SPEECH
    if speech.clipped > MOST_CLIPPED:
        return Refusal.CLIPPED
    return Refusal.TOO_NOISY if speech.cleanness_db < LEAST_CLEANNESS_DB else None
