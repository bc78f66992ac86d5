"""What the canary says and where it calls: nobody is frightened, and nothing else is taken for it."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain import canary, sms
from callguard.domain.canary import Progress, Stage, Way
from callguard.domain.delivery import Delivery
from callguard.domain.words import normalise

LANGUAGES = ("en", "es", "fr", "de", "pt")
HOME = "+12025550110"
SECOND = Delivery("second_number", "+12025550111")
SAME = Delivery("same_number", HOME)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PERSON = UUID(int=7)


@pytest.mark.parametrize("language", LANGUAGES)
@given(data=st.data())
def test_the_sentence_is_heard_even_if_one_word_is_not(language: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.sampled_from(canary.vocabulary(language)), min_size=4, max_size=4))
    lost = data.draw(st.integers(0, 3))
    heard = [*drawn[:lost], "static", *drawn[lost + 1 :]]
    assert canary.is_heard(canary.sentence(" ".join(heard), language), " ".join(drawn), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_words_are_not_taken_for_it(language: str) -> None:
    first, second, third, fourth, fifth, sixth = canary.vocabulary(language)[:6]
    drawn = " ".join((first, second, third, fourth))
    said = canary.sentence(drawn, language)
    assert not canary.is_heard(
        canary.sentence(f"{first} {second} {fifth} {sixth}", language), drawn, language
    )
    assert not canary.is_heard(
        canary.sentence(f"{fourth} {third} {second} {first}", language), drawn, language
    )
    assert not canary.is_heard(drawn, drawn, language), "the words without the phrase"
    assert canary.is_heard(f"{said} {said}", drawn, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_can_be_told_apart_and_the_message_is_one_segment(language: str) -> None:
    words = [normalise(word) for word in canary.vocabulary(language)]
    assert len(set(words)) == len(words) >= 12
    assert all(len(word.split()) == 1 for word in words)
    text = canary.message("Margaret Hill", "A1B2C3", language)
    assert sms.fits_gsm_7(text)
    assert len(text) <= 160


def test_an_unknown_language_is_spoken_to_in_english() -> None:
    assert canary.phrase("xx") == canary.phrase("en")


@pytest.mark.parametrize(
    ("deliveries", "zone", "way"),
    [
        ([SECOND], "UTC", Way.PHONE),
        ([SECOND, SAME], "UTC", Way.DIRECT),
        ([], "UTC", Way.DIRECT),  # without a way of their own people are rung at their phone
        ([SECOND, Delivery("same_number", HOME, looping=True)], "UTC", Way.PHONE),
        ([SECOND], "Asia/Tokyo", Way.DIRECT),  # 21:00 there
        ([SECOND], "America/New_York", Way.DIRECT),  # 07:00 there
        ([SECOND], "no such zone", Way.PHONE),
    ],
)
def test_a_phone_rings_only_by_day_and_only_where_it_should_not(
    deliveries: list[Delivery], zone: str, way: Way
) -> None:
    assert canary.way_to(HOME, deliveries, zone, NOON) is way


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001  # its zone is put on below
    st.uuids(),
    st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati"]),
)
def test_the_next_one_is_within_a_day_or_so_at_the_persons_hour(now: datetime, who: UUID, zone: str) -> None:
    now = now.replace(tzinfo=UTC)
    due = canary.next_run(now, time(11), zone, who)
    assert now < due <= now + timedelta(hours=26)
    assert time(11) <= due.time() < time(11, 30)


def test_it_is_not_at_the_same_minute_every_day_nor_for_everybody() -> None:
    days = {canary.next_run(NOON + timedelta(days=d), time(11), "UTC", PERSON).time() for d in range(5)}
    people = {canary.next_run(NOON, time(11), "UTC", UUID(int=n)).time() for n in range(5)}
    assert len(days) == len(people) == 5


def test_the_first_stage_that_lacks_is_waited_for_and_counts_from_the_one_before() -> None:
    progress = Progress(NOON, {})
    assert progress.waits_for is Stage.CALLED
    assert progress.seconds_left(NOON + timedelta(seconds=5)) == 15
    progress = Progress(NOON, {Stage.CALLED: NOON + timedelta(seconds=10)})
    assert progress.waits_for is Stage.ARRIVED
    assert progress.seconds_left(NOON + timedelta(seconds=11)) == 11
    assert progress.seconds() == {Stage.CALLED: 10}
    done = Progress(NOON, dict.fromkeys(Stage, NOON))
    assert done.waits_for is None
    assert done.seconds_left(NOON) == 0
