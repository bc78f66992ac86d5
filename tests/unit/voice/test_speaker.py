"""Voiceprints: what is taken into them, whom they know again, and what never passes for the voice."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.domain.audio import mulaw_decode, mulaw_encode
from callguard.voice.deepfake.port import CallScore, WindowScore
from callguard.voice.deepfake.port import Reason as Why
from callguard.voice.speaker import model
from callguard.voice.speaker.fingerprint import fingerprint, is_copy
from callguard.voice.speaker.liveness import judged_by
from callguard.voice.speaker.speech import Samples
from callguard.voice.speaker.verification import Reason, Verdict, verify
from callguard.voice.speaker.voiceprint import MOST_SAMPLES, Refusal, Voiceprint, with_recordings
from callguard.voice.speaker.words import FOUND, NOT_TAKEN
from tests.unit.voice.sounds import RATE, hiss, silence, tone
from tests.voices import ANNOUNCER, DAUGHTER, MOTHER, OFFICER, voice

HUMAN = CallScore(0.1, 0.05, 0.2, 4.0, 1, None)
SYNTHETIC = CallScore(0.9, 0.8, 0.95, 4.0, 1, None)
UNJUDGED = CallScore(None, None, None, 0.0, 0, Why.NOISE)


@pytest.fixture(scope="module")
def officer() -> Voiceprint:
    """Three recordings enrolled; the fourth is left to verify."""
    made, told = with_recordings(Voiceprint(), [(one, HUMAN) for one in voice(OFFICER)[:3]], model.load())
    assert told == [None, None, None]
    assert made.is_complete
    return made


def over_the_telephone(samples: Samples, *, gain: float = 0.4, late: int = 44) -> Samples:
    """At another level, begun elsewhere in a frame, over mu-law."""
    pcm = np.rint(np.clip(samples[late:] * gain, -1, 1) * 32767).astype(np.int16)
    return (mulaw_decode(mulaw_encode(pcm)) / 32768).astype(np.float32)


def test_the_same_voice_is_known_again_and_others_are_not(officer: Voiceprint) -> None:
    own = verify(officer, over_the_telephone(voice(OFFICER)[3]), model.load(), HUMAN)
    assert (own.verdict, own.reason) == (Verdict.VERIFIED, Reason.SAME_VOICE)
    assert own.deepfake == HUMAN.score
    for name in (MOTHER, DAUGHTER, ANNOUNCER):
        other = verify(officer, voice(name)[0], model.load(), HUMAN)
        assert (other.verdict, other.reason) == (Verdict.REFUSED, Reason.OTHER_VOICE), name
        assert other.similarity is not None
        assert own.similarity is not None
        assert own.similarity > other.similarity + 0.2


@settings(max_examples=8, deadline=None)
@given(score=st.floats(0.7, 1.0, exclude_min=True))
def test_what_sounds_synthetic_is_never_verified(officer: Voiceprint, score: float) -> None:
    judged = CallScore(score, score, score, 4.0, 1, None)
    found = verify(officer, voice(OFFICER)[3], model.load(), judged)
    assert (found.verdict, found.reason) == (Verdict.REFUSED, Reason.SYNTHETIC)


def test_what_the_detector_can_not_judge_is_not_verified(officer: Voiceprint) -> None:
    found = verify(officer, voice(OFFICER)[3], model.load(), UNJUDGED)
    assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.LIVENESS_UNKNOWN)
    other = verify(officer, voice(MOTHER)[0], model.load(), UNJUDGED)
    assert other.reason is Reason.OTHER_VOICE, "another voice is another voice, live or not"


def test_an_enrolled_recording_played_again_is_refused(officer: Voiceprint) -> None:
    for again in (voice(OFFICER)[1], over_the_telephone(voice(OFFICER)[1])):
        found = verify(officer, again, model.load(), HUMAN)
        assert (found.verdict, found.reason) == (Verdict.REFUSED, Reason.REPLAYED)


def test_fewer_than_three_recordings_verify_nothing() -> None:
    two, _ = with_recordings(Voiceprint(), [(one, HUMAN) for one in voice(OFFICER)[:2]], model.load())
    found = verify(two, voice(OFFICER)[3], model.load(), HUMAN)
    assert (found.verdict, found.reason, found.confidence) == (Verdict.UNDECIDED, Reason.NOT_COMPLETE, None)


def dtmf() -> Samples:
    return tone(5, 697, 0.2) + tone(5, 1209, 0.2)


def chords() -> Samples:
    """Notes that fade and come again, as music does."""
    fading = np.exp(-3 * (np.arange(5 * RATE) / RATE % 0.5)).astype(np.float32)
    return (tone(5, 262, 0.2) + tone(5, 330, 0.2) + tone(5, 392, 0.2)) * fading


@pytest.mark.parametrize(
    "sound",
    [silence(5), hiss(5, 0.1), tone(5), dtmf(), chords(), voice(OFFICER)[3][:1600], np.zeros(0, np.float32)],
    ids=["silence", "noise", "tone", "dtmf", "music", "0.2 s", "nothing"],
)
def test_what_is_no_speech_is_neither_enrolled_nor_verified(officer: Voiceprint, sound: Samples) -> None:
    assert not verify(officer, sound, model.load(), HUMAN).verified
    assert isinstance(officer.with_recording(sound, model.load(), HUMAN), Refusal)


def noisy(samples: Samples) -> Samples:
    level = float(np.sqrt(np.mean(samples**2)))
    return samples + hiss(len(samples) / RATE + 1, level / 2)[: len(samples)]


def clipped(samples: Samples) -> Samples:
    return np.clip(samples * 20, -0.9, 0.9).astype(np.float32)


@pytest.mark.parametrize(
    ("sound", "judged", "refusal"),
    [
        (voice(OFFICER)[3][: 2 * RATE], HUMAN, Refusal.TOO_LITTLE_SPEECH),
        (tone(5), HUMAN, Refusal.TOO_LITTLE_SPEECH),
        (noisy(voice(OFFICER)[3]), HUMAN, Refusal.TOO_NOISY),
        (clipped(voice(OFFICER)[3]), HUMAN, Refusal.CLIPPED),
        (voice(OFFICER)[3], SYNTHETIC, Refusal.SYNTHETIC),
        (voice(OFFICER)[3], UNJUDGED, Refusal.LIVENESS_UNKNOWN),
        (over_the_telephone(voice(OFFICER)[0]), HUMAN, Refusal.REPEATED),
        (voice(MOTHER)[0], HUMAN, Refusal.OTHER_VOICE),
    ],
    ids=["short", "tone", "noisy", "clipped", "synthetic", "unjudged", "repeated", "other"],
)
def test_a_recording_that_can_not_be_used_is_refused_with_its_reason(
    officer: Voiceprint, sound: Samples, judged: CallScore, refusal: Refusal
) -> None:
    assert officer.with_recording(sound, model.load(), judged) is refusal


def test_enough_is_enough(officer: Voiceprint) -> None:
    full = Voiceprint(officer.samples[:1] * MOST_SAMPLES)
    assert full.with_recording(voice(OFFICER)[3], model.load(), HUMAN) is Refusal.ENOUGH


def test_what_is_packed_unpacks_to_the_same_voiceprint(officer: Voiceprint) -> None:
    again = Voiceprint.unpack(officer.pack())
    assert again == officer
    assert 0 < again.quality <= 1


def test_every_outcome_says_what_to_do() -> None:
    assert set(NOT_TAKEN) == set(Refusal)
    assert set(FOUND) == set(Reason)


def test_a_fingerprint_finds_a_part_of_a_recording_and_no_other_recording() -> None:
    whole = np.concatenate(voice(DAUGHTER))
    part = over_the_telephone(whole[9000:36000], gain=0.2, late=77)
    assert is_copy(fingerprint(part), fingerprint(whole))
    assert is_copy(fingerprint(noisy(part)), fingerprint(whole))
    others = [one for name in (OFFICER, MOTHER, ANNOUNCER) for one in voice(name)]
    assert not any(is_copy(fingerprint(one), fingerprint(whole)) for one in others)
    assert not is_copy(fingerprint(voice(OFFICER)[3]), fingerprint(voice(OFFICER)[0]))
    assert not is_copy(fingerprint(silence(5)), fingerprint(silence(5)))
    assert not is_copy(b"", fingerprint(whole))


def test_what_is_no_number_is_silence(officer: Voiceprint) -> None:
    odd = voice(OFFICER)[3].copy()
    odd[1000:1010] = np.nan
    odd[1010:1020] = np.inf
    found = verify(officer, odd, model.load(), HUMAN)
    assert found.confidence is not None
    assert 0 <= found.confidence <= 1
    nothing = np.full(5 * RATE, np.nan, np.float32)
    assert verify(officer, nothing, model.load(), HUMAN).reason is Reason.TOO_LITTLE_SPEECH
    assert officer.with_recording(nothing, model.load(), HUMAN) is Refusal.TOO_LITTLE_SPEECH


class Told:
    """A detector that finds everything as synthetic as it is told, and keeps what it was asked."""

    version = "told"

    def __init__(self, score: float) -> None:
        self._score = score
        self.windows = 0

    def score(self, windows: Any) -> list[WindowScore]:
        self.windows += len(windows)
        return [WindowScore(self._score, None, len(window) / RATE) for window in windows]


def test_a_detector_judges_the_windows_of_speech() -> None:
    told = Told(0.8)
    sound: NDArray[np.float32] = np.concatenate(voice(OFFICER))
    found = judged_by(told)(sound)
    assert found.score == pytest.approx(0.8)
    assert told.windows > 3
    assert judged_by(told)(silence(5)).score is None
