from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain import facts
from callguard.domain.facts import (
    AnyFact,
    CallArrived,
    CallerScreened,
    ConferenceChanged,
    ConnectionChosen,
    LegAnsweredBy,
    LegChanged,
    MessageRecorded,
    TranscriptionChanged,
    WordsHeard,
)

words = st.text()
maybe_words = st.none() | words
moments = st.datetimes(timezones=st.just(UTC))
shares = st.none() | st.floats(min_value=0, max_value=1)
any_fact: st.SearchStrategy[AnyFact] = st.one_of(
    st.builds(
        CallArrived,
        call_sid=words,
        conference_name=words,
        caller=words,
        called=words,
        raw_from=words,
        forwarded_from=maybe_words,
        stir_verstat=maybe_words,
        call_token=maybe_words,
        dialled_directly=st.booleans(),
        arrived_at=moments,
    ),
    st.builds(
        WordsHeard,
        call_sid=words,
        transcription_sid=words,
        sequence=st.integers(0, 999_999_999),
        track=words,
        text=words,
        is_final=st.booleans(),
        confidence=shares,
        stability=shares,
        spoken_at=st.none() | moments,
    ),
    st.builds(TranscriptionChanged, call_sid=words, state=words, error=maybe_words),
    st.builds(LegChanged, call_sid=words, leg_sid=maybe_words, status=words),
    st.builds(LegAnsweredBy, call_sid=words, leg_sid=words, answered_by=words),
    st.builds(ConferenceChanged, call_sid=words, event=words, label=maybe_words, leg_sid=maybe_words),
    st.builds(
        CallerScreened,
        call_sid=words,
        said=maybe_words,
        confidence=shares,
        answered_at=moments,
        dialled_directly=st.booleans(),
    ),
    st.builds(ConnectionChosen, call_sid=words),
    st.builds(MessageRecorded, call_sid=words, recording_sid=words, seconds=st.integers(0, 999_999)),
)


@given(any_fact)
def test_a_fact_comes_back_as_it_was(fact: AnyFact) -> None:
    assert facts.decode(facts.encode(fact)) == fact


@given(any_fact)
def test_a_fact_does_not_change(fact: AnyFact) -> None:
    with pytest.raises(AttributeError):
        fact.call_sid = "another"  # type: ignore[misc]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"type":"rumour","call_sid":"x"}', b'{"type":"leg_changed"}', b"\xff"]
)
def test_what_was_not_encoded_here_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        facts.decode(data)
