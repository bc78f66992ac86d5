from hypothesis import given
from hypothesis import strategies as st

from callguard.dashboard.marking import Run, marked_turns
from tests.unit.dashboard.live_calls import said


def test_one_speakers_results_are_one_turn() -> None:
    turns = marked_turns(
        [said("caller", "Good day."), said("caller", "It's the bank."), said("callee", "Yes?")], keywords=()
    )

    assert [(turn.speaker, turn.runs) for turn in turns] == [
        ("caller", (Run("Good day. It's the bank.", keyword=False, provisional=False),)),
        ("callee", (Run("Yes?", keyword=False, provisional=False),)),
    ]


def test_keywords_are_lit_whatever_their_case_accents_and_punctuation() -> None:
    (turn,) = marked_turns(
        [said("caller", "Buy GIFT-cards, then dónt tell anyone")], ["gift cards", "dont tell"]
    )

    assert [run.text for run in turn.runs if run.keyword] == ["GIFT-cards,", "dónt tell"]


def test_a_keyword_across_two_results_is_lit() -> None:
    (turn,) = marked_turns([said("caller", "buy gift"), said("caller", "cards now")], ["gift cards"])

    assert turn.runs[1] == Run("gift cards", keyword=True, provisional=False)


def test_a_keyword_is_lit_as_whole_words_only() -> None:
    (turn,) = marked_turns([said("caller", "bankrupt gift cards")], ["bank", "gift card"])

    assert not any(run.keyword for run in turn.runs)


def test_words_that_may_change_are_set_apart() -> None:
    (turn,) = marked_turns([said("caller", "hold on"), said("caller", "please", final=False)], keywords=())

    assert [run.provisional for run in turn.runs] == [False, True]
    assert turn.provisional


@given(
    st.lists(st.tuples(st.sampled_from(["caller", "callee"]), st.text(min_size=1).filter(str.strip))),
    st.lists(st.text(max_size=12), max_size=4),
)
def test_no_word_is_lost_or_moved(heard: list[tuple[str, str]], keywords: list[str]) -> None:
    turns = marked_turns([said(speaker, text) for speaker, text in heard], keywords)

    told = " ".join(run.text for turn in turns for run in turn.runs)
    assert told.split() == " ".join(text for _, text in heard).split()
