"""A people file: TOML, checked field by field.

Each field of `Person`, `Contact` and `Delivery` is the column of that name. A new column is set, shown and
compared once it stands here as one line, with the default that its column has.
"""

import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomli_w
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from callguard.domain.caller import WITHHELD, caller_number, e164
from callguard.domain.canary import DAY_BEGINS, DAY_ENDS
from callguard.domain.policy import Policy, is_quiet
from callguard.errors import PeopleError

_ANY_DAY = date(2026, 6, 1)


def _number(text: str) -> str:
    number = e164(text)
    if number is None:
        raise ValueError("must be a phone number with its country code, such as +12025550110")
    return number


def _caller(text: str) -> str:
    caller = caller_number(text)
    if caller == WITHHELD:
        raise ValueError("must be a phone number with its country code, or a sip: or client: address")
    return caller


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, such as Europe/Berlin") from None
    return name


def _by_day(at: time) -> time:
    if not DAY_BEGINS <= at <= DAY_ENDS:
        raise ValueError(f"must be between {DAY_BEGINS:%H:%M} and {DAY_ENDS:%H:%M}: a phone may ring")
    return at


Number = Annotated[str, AfterValidator(_number)]
Caller = Annotated[str, AfterValidator(_caller)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Language = Literal["en", "es", "fr", "de", "pt"]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


class _QuietHours(_Strict):
    quiet_from: time | None = None
    quiet_until: time | None = None

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until go together")
        return self


class Contact(_QuietHours):
    """Somebody who is told; the smallest priority first."""

    name: Name
    phone_number: Number
    relationship: str | None = None
    priority: int = Field(default=1, ge=1, le=100)
    language: Language | None = None
    time_zone: TimeZone | None = None
    least_level: Literal["warning", "danger"] = "warning"
    email: Email | None = None
    wants_notices: bool = False
    wants_canary: bool = False


class Delivery(_Strict):
    """A way by which the person is rung; in the file's order."""

    kind: Literal["second_number", "sip", "client", "same_number"]
    address: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        fits = {
            "same_number": self.address is None,
            "sip": (self.address or "").startswith(("sip:", "sips:")),
            "client": (self.address or "").startswith("client:"),
            "second_number": self.address is not None and e164(self.address) == self.address,
        }
        if not fits[self.kind]:
            raise ValueError(
                "address must be a number such as +12025550111 (second_number), sip:… (sip), "
                "client:… (client), or left out (same_number)"
            )
        return self


class Person(_QuietHours):
    """A protected person, known by the e-mail address. What a file leaves out has its default."""

    email: Email
    name: Name
    phone_number: Number
    twilio_number: Number | None = None
    language: Language = "en"
    time_zone: TimeZone = "UTC"
    announce: bool = True
    offer_unmonitored: bool = False
    unknown_callers: Literal["bridge", "screen", "voicemail"] = "bridge"
    blocked_callers: Literal["reject", "tell", "voicemail"] = "reject"
    record_voicemail: bool = False
    voicemail_unreachable: bool = False
    paused_until: AwareDatetime | None = None
    quote_in_alerts: bool = False
    notify_person: bool = False
    ladder_whisper: bool = False
    ladder_hold: bool = False
    ladder_bring_in: bool = False
    ladder_end: bool = False
    recognise_afterwards: bool = True
    analysis_policy: Literal["after_keyword", "local_always", "always"] = "after_keyword"
    replay_calls: bool = False
    canary: bool = False
    canary_at: Annotated[time, AfterValidator(_by_day)] = time(11)
    allow: list[Caller] = []
    block: list[Caller] = []
    delivery: list[Delivery] = []
    contact: list[Contact] = []

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        hours = Policy(self.time_zone, self.quiet_from, self.quiet_until)
        if self.canary and is_quiet(
            hours, datetime.combine(_ANY_DAY, self.canary_at, ZoneInfo(self.time_zone))
        ):
            raise ValueError("canary_at lies in the quiet hours: no test call would ever be placed")
        own = {self.phone_number, self.twilio_number}
        if self.twilio_number == self.phone_number:
            raise ValueError("twilio_number must be another number than phone_number")
        if any(contact.phone_number in own for contact in self.contact):
            raise ValueError("a contact must have another number than the person")
        if any(delivery.address == self.twilio_number for delivery in self.delivery if delivery.address):
            raise ValueError("a delivery to the person's own Twilio number would come back")
        _once("allow and block", [*self.allow, *self.block])
        _once("contact: phone_number", [contact.phone_number for contact in self.contact])
        _once("delivery: address", [delivery.address for delivery in self.delivery])
        return self


class PeopleFile(_Strict):
    """An organisation, such as one family, and its people."""

    organisation: Name
    person: list[Person] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _once("person: email", [person.email for person in self.person])
        _once("person: phone_number", [person.phone_number for person in self.person])
        _once("person: twilio_number", [p.twilio_number for p in self.person if p.twilio_number])
        return self


def _once(what: str, values: list[Any]) -> None:
    if len(set(values)) < len(values):
        raise ValueError(f"{what}: the same one stands there twice")


def read(path: Path) -> PeopleFile:
    """Raises PeopleError: where the file is wrong, and why; never with what stands there."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PeopleError(f"The people file can't be read ({type(error).__name__}): {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise PeopleError(f"The people file is no TOML: {error}.") from None
    try:
        return PeopleFile.model_validate(said)
    except ValidationError as error:
        problems = [f"  {_place(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
        raise PeopleError("The people file is wrong:\n" + "\n".join(problems)) from None


def _place(path: tuple[int | str, ...]) -> str:
    """`person[1].contact[2].phone_number`; counted from 1, as people count."""
    place = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return place.removeprefix(".") or "the file"


def write(organisation: str, people: list[Person]) -> str:
    """The file that says what stands in the database, without what has its default."""
    said = [person.model_dump(exclude_defaults=True) for person in people]
    return tomli_w.dumps({"organisation": organisation, "person": said})
