import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callguard.domain.caller import WITHHELD, Stir, caller_number, e164, parse_verstat, spoken_number

UNSIGNED = Stir(level=None, failed=False, diverted=False)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "anonymous",
        "Anonymous",
        " RESTRICTED ",
        "unavailable",
        "unknown",
        "private",
        "blocked",
        "+266696687",
        "266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "+86282452253",
    ],
)
def test_a_withheld_caller_has_no_number(raw: str) -> None:
    assert caller_number(raw) == WITHHELD


@pytest.mark.parametrize(
    "raw", ["+12025550143", "+1 202 555 0143", "+1 (202) 555-0143", "tel:+12025550143", " +12025550143 "]
)
def test_a_number_is_stored_in_one_form(raw: str) -> None:
    assert caller_number(raw) == "+12025550143"


@pytest.mark.parametrize(
    "address", ["sip:alice@example.org", "sips:alice@example.org", "SIP:alice@example.org", "client:tablet"]
)
def test_addresses_that_are_no_numbers_stay_as_they_are(address: str) -> None:
    assert caller_number(address) == address


@pytest.mark.parametrize(
    "junk", ["2025550143", "+", "+1", "hello", "+1202555014x!", "+" + "9" * 40, "\0", "٣٣"]
)
def test_what_cannot_be_a_number_counts_as_withheld(junk: str) -> None:
    assert caller_number(junk) == WITHHELD


@given(st.text())
@example("+1202555014³")
def test_any_text_gives_a_number_an_address_or_withheld(raw: str) -> None:
    stored = caller_number(raw)

    address = stored.lower().startswith(("sip:", "sips:", "client:"))
    assert stored == WITHHELD or address or e164(stored) == stored
    assert caller_number(stored) in {stored, WITHHELD}


@given(st.integers(min_value=0, max_value=99))
def test_people_read_a_number_in_groups(last: int) -> None:
    assert spoken_number(f"+120255501{last:02}") == f"+1 202-555-01{last:02}"


def test_an_address_is_read_as_it_is() -> None:
    assert spoken_number("sip:alice@example.org") == "sip:alice@example.org"


@pytest.mark.parametrize("level", ["A", "B", "C"])
@pytest.mark.parametrize(
    ("form", "diverted"),
    [
        ("TN-Validation-Passed-{}", False),
        ("TN-Validation-Passed-{}-Diverted", True),
        ("TN-Validation-Passed-Diverted-{}", True),
        ("TN-Validation-Passed-{}-Passthrough", False),
        ("TN-Validation-Passed-{}-Diverted-Passthrough", True),
        ("tn-validation-passed-{}", False),
        (" TN-Validation-Passed-{} ", False),
    ],
)
def test_a_verified_signature_carries_its_level(level: str, form: str, diverted: bool) -> None:
    stir = parse_verstat(form.format(level))

    assert (stir.level, stir.failed, stir.diverted) == (level, False, diverted)


@pytest.mark.parametrize(
    ("raw", "diverted"),
    [
        ("TN-Validation-Failed", False),
        ("TN-Validation-Failed-A", False),
        ("TN-Validation-Failed-B-Diverted", True),
        ("TN-Validation-Failed-Diverted-C", True),
        ("TN-Validation-Failed-C-Passthrough", False),
        ("TN-Validation-Failed-Diverted", True),
    ],
)
def test_a_signature_that_did_not_verify_vouches_for_nothing(raw: str, diverted: bool) -> None:
    assert parse_verstat(raw) == Stir(level=None, failed=True, diverted=diverted)


@pytest.mark.parametrize(
    "raw", [None, "", "NULL", "null", "No-TN-Validation", "Passed-A", "A", "TN-Validation-"]
)
def test_everything_else_counts_as_unsigned(raw: str | None) -> None:
    assert parse_verstat(raw) == UNSIGNED


def test_a_call_without_signature_may_be_diverted_all_the_same() -> None:
    assert parse_verstat("No-TN-Validation-Diverted") == Stir(level=None, failed=False, diverted=True)


@pytest.mark.parametrize(
    "raw", ["TN-Validation-Passed-Absent", "TN-Validation-Passed-A1", "TN-Validation-Passed-D"]
)
def test_a_word_that_begins_like_a_level_is_none(raw: str) -> None:
    assert parse_verstat(raw).level is None


@given(st.text() | st.text().map("TN-Validation-{}".format))
def test_a_level_is_only_read_from_a_passed_validation(raw: str) -> None:
    stir = parse_verstat(raw)

    assert not (stir.failed and stir.level)
    assert stir.level is None or raw.strip().lower().startswith("tn-validation-passed-")
