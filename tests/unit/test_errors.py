import pytest

from callguard.errors import (
    CallguardError,
    DatabaseError,
    DatabaseUnavailable,
    SpoolError,
    TelephonyError,
    TelephonyUnreachable,
)


def test_an_error_says_what_happened_and_under_which_code() -> None:
    error = SpoolError("The disk is full. Free some space.")

    assert str(error) == "The disk is full. Free some space. [SPOOL]"
    assert error.message == "The disk is full. Free some space."
    assert error.code == "SPOOL"


def test_a_narrower_code_belongs_to_the_one_error() -> None:
    assert DatabaseError("Refused.", code="DATABASE_22021").code == "DATABASE_22021"
    assert DatabaseError("Refused.").code == "DATABASE"


def test_who_catches_the_wider_error_catches_the_narrower() -> None:
    with pytest.raises(DatabaseError):
        raise DatabaseUnavailable("Away.")
    with pytest.raises(TelephonyError):
        raise TelephonyUnreachable("No answer.")
    with pytest.raises(CallguardError):
        raise SpoolError("Full.")


def test_what_twilio_said_is_kept() -> None:
    refused = TelephonyError("Refused.", status=400, twilio_code=21610)

    assert (refused.status, refused.twilio_code, refused.code) == (400, 21610, "TELEPHONY")
    unreachable = TelephonyUnreachable("No answer.")
    assert (unreachable.status, unreachable.twilio_code, unreachable.code) == (
        None,
        None,
        "TELEPHONY_UNREACHABLE",
    )
