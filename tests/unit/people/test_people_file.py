"""A people file: what is wrong is told with its place, what is right comes back as it was written."""

from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.errors import PeopleError
from callguard.people.book import differences
from callguard.people.file import Contact, Delivery, Person, read, write

HEAD = """
organisation = "Hill family"
[[person]]
email = "margaret@example.com"
name = "Margaret Hill"
phone_number = "+12025550110"
twilio_number = "+12025550100"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "people.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("organisation = 1", ["organisation: ", "person: Field required"]),
        (HEAD + 'phone = "x"', ["person[1].phone: Extra inputs"]),
        (HEAD + 'language = "xx"', ["person[1].language: Input should be"]),
        (HEAD + 'analysis_policy = "never"', ["person[1].analysis_policy: Input should be"]),
        (HEAD + 'time_zone = "Mars/Phobos"', ["person[1].time_zone: must be the name of a time zone"]),
        (HEAD + "quiet_from = 22:00:00", ["person[1]: quiet_from and quiet_until go together"]),
        (HEAD + "paused_until = 2027-01-01T00:00:00", ["person[1].paused_until: "]),
        (HEAD + "canary_at = 03:00:00", ["person[1].canary_at: must be between 09:00 and 19:00"]),
        (
            HEAD + "canary = true\nquiet_from = 10:00:00\nquiet_until = 16:00:00",
            ["person[1]: canary_at lies in the quiet hours"],
        ),
        (HEAD + 'allow = ["hello"]', ["person[1].allow[1]: must be a phone number"]),
        (HEAD + 'allow = ["+12025550120"]\nblock = ["+1 202 555 0120"]', ["person[1]: allow and block"]),
        (
            HEAD + '[[person.contact]]\nname = "A"\nphone_number = "12"\n[[person.contact]]\npriority = 0',
            [
                "person[1].contact[1].phone_number: must be a phone number",
                "person[1].contact[2].name: Field required",
                "person[1].contact[2].priority: ",
            ],
        ),
        (
            HEAD + '[[person.contact]]\nname = "A"\nphone_number = "+12025550110"',
            ["person[1]: a contact must have another number"],
        ),
        (
            HEAD + '[[person.delivery]]\nkind = "sip"\naddress = "margaret"',
            ["person[1].delivery[1]: address"],
        ),
        (
            HEAD + '[[person.delivery]]\nkind = "second_number"\naddress = "+12025550100"',
            ["person[1]: a delivery to the person's own Twilio number"],
        ),
        (HEAD + HEAD.partition('family"')[2], ["the file: person: email: the same one stands there twice"]),
        ("organisation = = 1", ["is no TOML", "line 1"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: list[str]) -> None:
    with pytest.raises(PeopleError) as refused:
        read(written(tmp_path, text))
    for part in told:
        assert part in refused.value.message
    for secret in ("+12025550100", "margaret@", "Hill"):
        assert secret not in refused.value.message, "what stands there is the operator's own"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="FileNotFoundError"):
        read(tmp_path / "none.toml")


NUMBERS = st.integers(0, 99).map(lambda last: f"+120255501{last:02}")
TEXTS = st.text(min_size=1, max_size=30).map(str.strip).filter(lambda text: text and "\x00" not in text)
PEOPLE = st.builds(
    Person,
    email=st.just("margaret@example.com"),
    name=TEXTS,
    phone_number=st.just("+12025550110"),
    twilio_number=st.none() | st.just("+12025550100"),
    language=st.sampled_from(["en", "de"]),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    announce=st.booleans(),
    analysis_policy=st.sampled_from(["after_keyword", "local_always", "always"]),
    canary_at=st.times(time(9), time(19)),
    paused_until=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # its zone is beside it
    allow=st.lists(NUMBERS, unique=True, max_size=3),
    delivery=st.lists(
        st.sampled_from(
            [
                Delivery(kind="same_number"),
                Delivery(kind="sip", address="sip:margaret@example.org"),
                Delivery(kind="second_number", address="+12025550111"),
            ]
        ),
        unique=True,
    ),
    contact=st.lists(
        st.builds(
            Contact,
            name=TEXTS,
            phone_number=st.sampled_from(["+12025550120", "+12025550121"]),
            relationship=st.none() | TEXTS,
            priority=st.integers(1, 100),
        ),
        max_size=2,
        unique_by=lambda contact: contact.phone_number,
    ),
)


@settings(max_examples=50)
@given(person=PEOPLE)
def test_what_is_written_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, person: Person) -> None:
    path = written(tmp_path_factory.mktemp("people"), write("Hill family", [person]))
    assert read(path).person == [person]


@settings(max_examples=50)
@given(before=PEOPLE, after=PEOPLE)
def test_what_differs_is_told_and_only_that(before: Person, after: Person) -> None:
    assert differences(before, before) == []
    lines = differences(before, after)
    told = {line.split()[2].partition("[")[0].removesuffix(":") for line in lines}
    fields = {name for name in Person.model_fields if getattr(before, name) != getattr(after, name)}
    assert told <= fields
    assert fields - told <= {"contact"}, "the order of contacts is by their priority"
