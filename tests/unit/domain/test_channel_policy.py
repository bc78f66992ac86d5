"""Which channel leaves beside which, and which follows."""

import pytest

from callguard.domain.alerts import FREE, Channel, after, beside
from callguard.domain.channel_texts import how_to_answer, title
from callguard.domain.scoring import AlertLevel

LANGUAGES = ("en", "es", "fr", "de", "pt")


def test_in_danger_what_costs_nothing_leaves_at_once() -> None:
    for first in (Channel.SMS, Channel.CALL):
        assert beside(AlertLevel.DANGER, first) == (Channel.APP, Channel.EMAIL)
        assert beside(AlertLevel.WARNING, first) == ()
    for free in FREE:
        assert beside(AlertLevel.DANGER, free) == ()


def test_every_line_of_channels_ends_and_names_each_once() -> None:
    assert after(Channel.SMS) == (Channel.CALL, Channel.APP, Channel.EMAIL)
    assert after(Channel.CALL) == (Channel.APP, Channel.EMAIL)
    for first in Channel:
        for second in after(first):
            assert first not in after(second)
            assert set(after(second)) < set(after(first))


@pytest.mark.parametrize("level", list(AlertLevel))
def test_titles_exist_in_five_languages_and_english_stands_in(level: AlertLevel) -> None:
    assert len({title(level, language) for language in LANGUAGES}) == 5
    assert title(level, "xx") == title(level, "en")


def test_a_mail_says_in_five_languages_where_to_answer() -> None:
    said = [how_to_answer("+12025550100", language) for language in LANGUAGES]

    assert len(set(said)) == 5
    assert all("+12025550100" in text for text in said)
