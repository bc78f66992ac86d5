"""Is it the enrolled voice? A verdict with its reason; what can't be told is a state of its own, never a
yes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.deepfake.port import CallScore
from callguard.voice.speaker.fingerprint import fingerprint
from callguard.voice.speaker.model import SpeakerModel
from callguard.voice.speaker.speech import clean, speech_of
from callguard.voice.speaker.voiceprint import LEAST_SPEECH_S, MOST_HEARD, SYNTHETIC_FROM, Voiceprint

SAME_FROM: Final = 0.7
"""Confidence from which it is the enrolled voice; docs/models/speaker.md says how often that is wrong."""
OTHER_BELOW: Final = 0.3


class Verdict(StrEnum):
    """What is concluded."""

    VERIFIED = "verified"
    REFUSED = "refused"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """Why. The values are stable; words.py says what to do."""

    SAME_VOICE = "SAME_VOICE"
    OTHER_VOICE = "OTHER_VOICE"
    NOT_SURE = "NOT_SURE"
    SYNTHETIC = "SYNTHETIC_VOICE"
    LIVENESS_UNKNOWN = "LIVENESS_UNKNOWN"  # the detector could not judge it
    REPLAYED = "REPLAYED_RECORDING"  # the enrolment's own recording
    TOO_LITTLE_SPEECH = "INSUFFICIENT_SPEECH"
    NOT_SPEECH = "AUDIO_NO_SPEECH"
    NOT_COMPLETE = "ENROLLMENT_PENDING"  # fewer than three samples are enrolled


@dataclass(frozen=True, slots=True)
class Verification:
    """`similarity` -1 to 1 and `confidence` 0-1, None where nothing was compared; `speech_s` seconds of
    speech; `deepfake` 0-1 as it was given.
    """

    verdict: Verdict
    reason: Reason
    speech_s: float
    similarity: float | None = None
    confidence: float | None = None
    deepfake: float | None = None

    @property
    def verified(self) -> bool:
        return self.verdict is Verdict.VERIFIED


def verify(
    voiceprint: Voiceprint,
    samples: NDArray[np.float32],
    model: SpeakerModel,
    deepfake: CallScore | None = None,
) -> Verification:
    """Float32 samples [n] at 8000 Hz beside a voiceprint.

    `deepfake`: their score. None says that there is no detector: what is verified then may be synthetic. A
    detector that could not judge (its score is None) verifies nothing.
    """
    samples = clean(samples)
    speech = speech_of(samples)
    score = deepfake.score if deepfake is not None else None
    unclear = _unclear(voiceprint, speech.seconds, steady=speech.steady)
    if unclear is not None:
        return Verification(Verdict.UNDECIDED, unclear, speech.seconds, deepfake=score)
    likeness = model.compare(voiceprint.vectors, model.encoder.embed(speech.samples[:MOST_HEARD]))
    concluded = _concluded(likeness.confidence)
    if score is not None and score > SYNTHETIC_FROM:
        concluded = Verdict.REFUSED, Reason.SYNTHETIC
    elif voiceprint.has_copy_in(fingerprint(samples)):
        concluded = Verdict.REFUSED, Reason.REPLAYED
    elif concluded[0] is Verdict.VERIFIED and deepfake is not None and score is None:
        concluded = Verdict.UNDECIDED, Reason.LIVENESS_UNKNOWN
    return Verification(*concluded, speech.seconds, likeness.similarity, likeness.confidence, score)


def _unclear(voiceprint: Voiceprint, speech_s: float, *, steady: bool) -> Reason | None:
    if not voiceprint.is_complete:
        return Reason.NOT_COMPLETE
    if speech_s < LEAST_SPEECH_S:
        return Reason.TOO_LITTLE_SPEECH
    return Reason.NOT_SPEECH if steady else None


def _concluded(confidence: float) -> tuple[Verdict, Reason]:
    if confidence >= SAME_FROM:
        return Verdict.VERIFIED, Reason.SAME_VOICE
    if confidence < OTHER_BELOW:
        return Verdict.REFUSED, Reason.OTHER_VOICE
    return Verdict.UNDECIDED, Reason.NOT_SURE
