from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.transcript import Result, Speaker, Turn, Utterance, as_text, assemble, turns

CALLER, CALLEE = Speaker.CALLER, Speaker.CALLEE


def heard(
    sequence: int,
    text: str,
    speaker: Speaker = CALLER,
    *,
    final: bool = True,
    session: str = "GT1",
    session_start: float = 0.0,
) -> Result:
    return Result(session, sequence, speaker, text, final, session_start)


def texts(*results: Result) -> list[str]:
    return [utterance.text for utterance in assemble(results)]


@st.composite
def calls(draw: st.DrawFn) -> list[Result]:
    """The results of one call: up to two sessions, each with its own rising sequence over both tracks."""
    results = []
    for number in range(draw(st.integers(1, 2))):
        sequences = draw(st.sets(st.integers(0, 40), max_size=15))
        results += [
            heard(
                sequence,
                draw(st.text(max_size=12)),
                draw(st.sampled_from(Speaker)),
                final=draw(st.booleans()),
                session=f"GT{1 - number}",
                session_start=float(number * 60),
            )
            for sequence in sequences
        ]
    return results


@given(calls(), st.data())
def test_order_and_repetition_make_no_difference(results: list[Result], data: st.DataObject) -> None:
    repeated = results + (data.draw(st.lists(st.sampled_from(results))) if results else [])
    shuffled = data.draw(st.permutations(repeated))

    assert assemble(shuffled) == assemble(results)


@given(calls())
def test_each_final_with_words_is_there_once_in_the_order_spoken(results: list[Result]) -> None:
    finals = sorted(
        (r for r in results if r.is_final and r.text.strip()), key=lambda r: (r.session_start, r.sequence)
    )

    stored = [u for u in assemble(results) if u.is_final]

    assert stored == [Utterance(r.speaker, r.text.strip(), True, r.sequence) for r in finals]


@given(calls())
def test_a_partial_stands_only_while_nothing_newer_came_on_its_track(results: list[Result]) -> None:
    session = [r for r in results if r.session == "GT1"]

    for standing in (u for u in assemble(session) if not u.is_final):
        track = [r for r in session if r.speaker is standing.speaker and (r.is_final or r.text.strip())]
        assert max(r.sequence for r in track) == standing.sequence


def test_a_partial_grows_until_its_final() -> None:
    hello = heard(1, "hello", final=False)
    grown = heard(2, "hello this is", final=False)
    final = heard(3, "hello this is the bank")

    assert texts(hello) == ["hello"]
    assert texts(hello, grown) == ["hello this is"]
    assert texts(hello, grown, final) == ["hello this is the bank"]


def test_a_partial_that_comes_late_does_not_return() -> None:
    assert texts(heard(3, "the bank"), heard(2, "the", final=False)) == ["the bank"]


def test_a_final_leaves_the_other_track_alone() -> None:
    results = [heard(1, "who is", CALLEE, final=False), heard(2, "the bank", CALLER)]

    assert [(u.speaker, u.text, u.is_final) for u in assemble(results)] == [
        (CALLEE, "who is", False),
        (CALLER, "the bank", True),
    ]


def test_a_final_without_words_takes_its_partial_back() -> None:
    assert texts(heard(1, "uh", final=False), heard(2, " ")) == []


def test_a_partial_without_words_hides_nothing() -> None:
    assert texts(heard(1, "gift cards", final=False), heard(2, "", final=False)) == ["gift cards"]


def test_a_restarted_transcription_comes_after_the_first() -> None:
    first = heard(7, "hello", session="GTz", session_start=10)
    second = heard(1, "are you there", session="GTa", session_start=70)

    assert texts(second, first) == ["hello", "are you there"]


def test_the_partial_of_an_ended_session_is_not_lost() -> None:
    cut_off = heard(7, "read me the", final=False, session="GT1", session_start=0)
    restarted = heard(1, "code", session="GT2", session_start=60)

    assert texts(restarted, cut_off) == ["read me the", "code"]


def test_neighbouring_utterances_of_one_speaker_are_one_turn() -> None:
    utterances = assemble([heard(1, "hello"), heard(2, "madam"), heard(3, "yes", CALLEE), heard(4, "good")])

    assert turns(utterances) == (Turn(CALLER, "hello madam"), Turn(CALLEE, "yes"), Turn(CALLER, "good"))
    assert as_text(utterances) == "caller: hello madam\ncallee: yes\ncaller: good"


def test_silence_has_no_turns() -> None:
    assert assemble([]) == ()
    assert turns([]) == ()
    assert as_text([]) == ""


@given(calls())
def test_turns_alternate_and_keep_every_word(results: list[Result]) -> None:
    utterances = assemble(results)
    spoken = turns(utterances)

    assert all(one.speaker is not other.speaker for one, other in pairwise(spoken))
    assert " ".join(t.text for t in spoken) == " ".join(u.text for u in utterances)
