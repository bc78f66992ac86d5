"""What earlier calls say of a caller, how it fades, and in which words it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.feedback import Answer
from callguard.domain.memory import (
    MOST_OF_VERDICTS,
    PEOPLE_HALF_LIFE_DAYS,
    REPORTED_POINTS,
    SAFE_POINTS,
    VERDICT_HALF_LIFE_DAYS,
    VERDICT_POINTS,
    Link,
    Mark,
    days_kept,
    faded,
    history,
)
from callguard.domain.memory_texts import Because, because
from callguard.domain.signals import AttestationLevel

LANGUAGES = ("en", "es", "fr", "de", "pt")
UNPROVEN = [level for level in AttestationLevel if level is not AttestationLevel.A]


def mark(
    say: Answer | None = None,
    *,
    verdict: str | None = None,
    link: Link = Link.NUMBER,
    days: float = 0.5,
    own: bool = True,
) -> Mark:
    return Mark(link, verdict, say, days, own)


def standing(*marks: Mark, level: AttestationLevel = AttestationLevel.A) -> int:
    return history(marks, level, "en").standing


REPORTED, SAFE = mark(Answer.SCAM), mark(Answer.NOT_SCAM)
marks = st.builds(
    Mark,
    st.sampled_from(Link),
    st.sampled_from([None, "SAFE", "UNSURE", "SUSPECT", "SCAM"]),
    st.sampled_from([None, *Answer]),
    st.floats(-1, 2000),
    st.booleans(),
)


def test_nothing_known_says_nothing() -> None:
    known = history([], AttestationLevel.A, "en")
    assert (known.standing, known.reasons) == (0, ())


def test_marked_safe_twice_is_trusted() -> None:
    now = mark(Answer.NOT_SCAM, days=0)
    assert standing(now) == -50
    assert standing(now, now) == -100
    assert standing(now, now, now) == -100


@pytest.mark.parametrize("level", UNPROVEN)
def test_a_number_that_nobody_vouches_for_gains_nothing_and_is_told_so(level: AttestationLevel) -> None:
    known = history([SAFE, SAFE], level, "en")
    assert known.standing == 0
    (told,) = known.reasons
    assert "does not count" in told


@pytest.mark.parametrize("level", AttestationLevel)
def test_a_report_counts_whatever_else_is_known(level: AttestationLevel) -> None:
    assert standing(REPORTED, level=level) == 70
    assert standing(REPORTED, SAFE, SAFE, SAFE, level=level) == 70


def test_a_script_never_speaks_for_a_caller() -> None:
    assert standing(mark(Answer.NOT_SCAM, link=Link.SCRIPT)) == 0
    assert standing(mark(Answer.SCAM, link=Link.SCRIPT)) == 70


def test_our_own_verdicts_never_add_up_to_a_report() -> None:
    assert standing(*[mark(verdict="SCAM", days=0)] * 20) == MOST_OF_VERDICTS < REPORTED_POINTS


def test_what_people_say_overrules_the_verdict_and_doubt_does_not() -> None:
    assert standing(mark(Answer.NOT_SCAM, verdict="SCAM", days=0)) == -50
    assert standing(mark(Answer.UNSURE, verdict="SCAM", days=0)) == 20
    assert standing(mark(verdict="SUSPECT", days=0), mark(Answer.NOT_SCAM, days=0)) == -40


@pytest.mark.parametrize(
    ("points", "half_life"),
    [(REPORTED_POINTS, PEOPLE_HALF_LIFE_DAYS), (VERDICT_POINTS["SCAM"], VERDICT_HALF_LIFE_DAYS)],
)
def test_it_fades_by_half_and_in_the_end_is_gone(points: float, half_life: float) -> None:
    assert faded(points, half_life, half_life) == pytest.approx(points / 2)
    assert faded(points, days_kept(points, half_life) - 1, half_life) > 0
    assert faded(points, days_kept(points, half_life), half_life) == 0


def test_people_are_remembered_longer_than_verdicts() -> None:
    assert days_kept(VERDICT_POINTS["SCAM"], VERDICT_HALF_LIFE_DAYS) == 61
    assert days_kept(SAFE_POINTS, PEOPLE_HALF_LIFE_DAYS) == 598
    assert days_kept(REPORTED_POINTS, PEOPLE_HALF_LIFE_DAYS) == 686


@given(st.lists(marks, max_size=8), st.sampled_from(AttestationLevel), st.sampled_from(LANGUAGES))
def test_what_counts_is_explained_and_the_order_does_not_matter(
    known: list[Mark], level: AttestationLevel, language: str
) -> None:
    found = history(known, level, language)
    assert -100 <= found.standing <= 100
    assert history(reversed(known), level, language) == found
    if found.standing:
        assert found.reasons
    assert len(set(found.reasons)) == len(found.reasons)


@given(st.lists(marks, max_size=8), st.sampled_from(AttestationLevel), st.sampled_from(Link))
def test_a_report_never_helps(known: list[Mark], level: AttestationLevel, link: Link) -> None:
    before = history(known, level, "en").standing
    assert history([*known, mark(Answer.SCAM, link=link)], level, "en").standing >= before


@given(st.lists(marks, max_size=8), st.sampled_from(UNPROVEN))
def test_only_attestation_a_profits_from_a_good_past(known: list[Mark], level: AttestationLevel) -> None:
    assert history(known, level, "en").standing >= max(0, history(known, AttestationLevel.A, "en").standing)


def test_who_reported_and_when_is_told_without_a_name() -> None:
    by_others = mark(Answer.SCAM, days=2.3, own=False)
    known = history([by_others, mark(Answer.SCAM, link=Link.SCRIPT, days=75)], AttestationLevel.C, "en")
    assert known.reasons == (
        "Another person of your family reported this number 2 days ago.",
        "The same words were heard in a call that was reported as a fraud 2 months ago.",
    )


@pytest.mark.parametrize("days", [0, 1, 2, 59, 60, 400])
@pytest.mark.parametrize("reason", Because)
def test_each_sentence_exists_in_five_languages(reason: Because, days: int) -> None:
    told = [because(reason, language, days=days, times=2) for language in LANGUAGES]
    assert len(set(told)) == len(LANGUAGES)
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in told)
    assert because(reason, "tlh", days=days, times=2) == told[0]
