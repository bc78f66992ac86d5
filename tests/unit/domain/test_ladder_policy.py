"""Which steps a verdict asks for, and what is done about a step as it stands."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.analysis.catalogue import shipped_catalogue
from callguard.domain.keywords import LANGUAGES, Matcher
from callguard.domain.ladder import (
    AskedBy,
    Move,
    OptIns,
    Rung,
    Standing,
    Step,
    StepState,
    Wording,
    next_move,
    rungs,
    step_may_follow,
)
from callguard.domain.ladder_texts import SPOKEN_ON_THE_LINE, TO_THE_CALLER, WHISPERS, whisper_words
from callguard.domain.words import normalise
from callguard.intake.twiml import LANGUAGE_CODES
from callguard.intake.wordings import is_announcement

ALL = OptIns(whisper=True, hold=True, bring_in=True, end=True)
WARN, DANGER = (Rung(Step.WHISPER, wording) for wording in (Wording.WARNING, Wording.DANGER))
HOLD, BRING_IN, END = (Rung(step) for step in (Step.HOLD, Step.BRING_IN, Step.END))

opt_ins = st.builds(OptIns, st.booleans(), st.booleans(), st.booleans(), st.booleans())
risks = st.integers(0, 100)
asked = st.sets(st.sampled_from([WARN, DANGER, HOLD, BRING_IN, END]))


def wanted(risk: int, opted_in: OptIns = ALL, *before: Rung, local: int = 100) -> tuple[Rung, ...]:
    return rungs(risk, local, opted_in, before, is_safe=False)


class TestRungs:
    @pytest.mark.parametrize(
        ("risk", "local", "expected"),
        [
            (59, 59, ()),
            (60, 60, (WARN,)),
            (79, 79, (WARN,)),
            (80, 80, (DANGER, HOLD, BRING_IN)),
            (90, 90, (DANGER, HOLD, BRING_IN)),
            (91, 60, (END,)),
            (91, 59, (DANGER, HOLD, BRING_IN)),
            (100, 59, (DANGER, HOLD, BRING_IN)),
        ],
    )
    def test_each_risk_asks_for_its_steps(self, risk: int, local: int, expected: tuple[Rung, ...]) -> None:
        assert wanted(risk, local=local) == expected

    def test_nothing_is_done_that_the_person_did_not_opt_in_to(self) -> None:
        assert wanted(100, OptIns()) == ()
        assert wanted(100, OptIns(hold=True)) == (HOLD,)
        assert wanted(95, replace(ALL, end=False)) == (DANGER, HOLD, BRING_IN)

    def test_a_whisper_goes_up_and_never_down_again(self) -> None:
        only = OptIns(whisper=True)
        assert wanted(85, only, WARN) == (DANGER,)
        assert wanted(65, only, DANGER) == ()
        assert wanted(65, only, WARN) == ()

    def test_where_the_end_came_to_nothing_the_rest_is_done(self) -> None:
        assert wanted(95, ALL, END) == (DANGER, HOLD, BRING_IN)

    @given(risks, risks, opt_ins, asked)
    def test_no_step_twice_none_unasked_none_in_a_safe_call(
        self, risk: int, local: int, opted_in: OptIns, before: set[Rung]
    ) -> None:
        found = rungs(risk, local, opted_in, before, is_safe=False)
        assert not before & set(found)
        assert len(set(found)) == len(found)
        chosen = {
            Step.WHISPER: opted_in.whisper,
            Step.HOLD: opted_in.hold,
            Step.BRING_IN: opted_in.bring_in,
            Step.END: opted_in.end,
        }
        assert all(chosen[rung.step] for rung in found)
        assert END not in found or (risk > 90 and local >= 60)
        assert rungs(risk, local, opted_in, before, is_safe=True) == ()


def standing(rung: Rung, state: StepState = StepState.ASKED, **changes: object) -> Standing:
    fresh = Standing(
        rung,
        state,
        AskedBy.POLICY,
        is_live=True,
        is_safe=False,
        has_conference=True,
        is_ripe=False,
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]  # the fields by name


class TestNextMove:
    def test_what_is_asked_for_is_done_once(self) -> None:
        for rung in (WARN, HOLD, BRING_IN, END):
            assert next_move(standing(rung)) is Move.TAKE
            for state in set(StepState) - {StepState.ASKED}:
                assert next_move(standing(rung, state)) is Move.REST

    def test_nothing_is_done_in_a_call_that_is_over(self) -> None:
        for rung in (WARN, HOLD, BRING_IN, END):
            assert next_move(standing(rung, is_live=False)) is Move.SKIP
            assert next_move(standing(rung, StepState.DONE, is_live=False, is_ripe=True)) is Move.REST

    def test_a_call_that_was_dialled_directly_can_only_be_ended(self) -> None:
        assert next_move(standing(END, has_conference=False)) is Move.TAKE
        for rung in (WARN, HOLD, BRING_IN):
            assert next_move(standing(rung, has_conference=False)) is Move.SKIP

    def test_a_hold_ends_even_where_it_may_not_have_come_about(self) -> None:
        for state in (StepState.ASKED, StepState.DONE, StepState.FAILED):
            assert next_move(standing(HOLD, state, is_ripe=True)) is Move.UNDO
        assert next_move(standing(HOLD, StepState.SKIPPED, is_ripe=True)) is Move.REST

    def test_safe_stops_the_policy_and_no_contact(self) -> None:
        for rung in (WARN, HOLD, BRING_IN, END):
            assert next_move(standing(rung, is_safe=True)) is Move.SKIP
            assert next_move(standing(rung, is_safe=True, asked_by=AskedBy.CONTACT)) is Move.TAKE
        assert next_move(standing(Rung(Step.WHISPER, Wording.ALL_CLEAR), is_safe=True)) is Move.TAKE


def test_a_step_never_moves_back() -> None:
    order = list(StepState)
    for state in StepState:
        assert all(
            order.index(StepState(earlier)) != order.index(state) for earlier in step_may_follow(state)
        )
    assert step_may_follow(StepState.ASKED) == []
    assert "undone" not in {earlier for state in StepState for earlier in step_may_follow(state)}


class TestWords:
    def test_each_language_has_its_own(self) -> None:
        for texts in (*WHISPERS.values(), TO_THE_CALLER):
            assert set(texts) == set(LANGUAGE_CODES)
            assert len(set(texts.values())) == len(texts)
        assert whisper_words(Wording.DANGER, "xx") == WHISPERS[Wording.DANGER]["en"]

    @pytest.mark.parametrize("text", SPOKEN_ON_THE_LINE)
    def test_they_are_taken_for_nobodys_words_while_they_grow(self, text: str) -> None:
        words = text.split()
        assert all(is_announcement(" ".join(words[:count])) for count in range(4, len(words) + 1))
        assert is_announcement(" ".join(words[-4:]))

    @pytest.mark.parametrize("text", SPOKEN_ON_THE_LINE)
    def test_no_keyword_of_ours_stands_in_them(self, text: str) -> None:
        for language in LANGUAGES:
            assert Matcher(shipped_catalogue(language).phrases).heard(normalise(text)) == []
