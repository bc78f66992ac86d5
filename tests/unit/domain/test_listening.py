from itertools import product

import pytest

from callguard.domain.listening import (
    SILENT_AFTER_MS,
    WORDS_LOST,
    Fault,
    Remedy,
    degraded_words,
    is_silent,
    needs_ears,
    transcription_fault,
)


def test_a_running_transcription_is_no_fault_and_each_other_state_is_one() -> None:
    assert transcription_fault("started") is None
    assert transcription_fault("waiting") is Fault.TRANSCRIPTION_MISSING
    assert transcription_fault("stopped") is Fault.TRANSCRIPTION_STOPPED
    assert transcription_fault("failed") is Fault.TRANSCRIPTION_FAILED


def test_only_a_running_transcription_can_fall_silent() -> None:
    assert is_silent("started", SILENT_AFTER_MS)
    assert not is_silent("started", SILENT_AFTER_MS - 1)
    for state in ("waiting", "stopped", "failed"):
        assert not is_silent(state, 10 * SILENT_AFTER_MS)


def test_lost_audio_cannot_be_made_good_by_other_ears() -> None:
    assert not needs_ears([])
    assert not needs_ears([Fault.AUDIO_LOST])
    assert all(needs_ears([fault, Fault.AUDIO_LOST]) for fault in WORDS_LOST)


def test_nothing_that_fails_is_nothing_to_say() -> None:
    assert degraded_words([]) is None


@pytest.mark.parametrize(("fault", "remedy"), list(product(Fault, [None, *Remedy])))
def test_each_fault_and_remedy_has_words(fault: Fault, remedy: Remedy | None) -> None:
    words = degraded_words([(fault, remedy)])
    assert words is not None
    assert words[0].isupper()
    assert words.endswith(".")
    assert "_" not in words


def test_what_two_faults_share_is_said_once() -> None:
    words = degraded_words([(Fault.TRANSCRIPTION_FAILED, "local"), (Fault.TRANSCRIPTION_SILENT, "local")])
    assert words is not None
    assert words.count("listens instead") == 1
