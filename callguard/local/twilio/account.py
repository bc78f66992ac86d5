"""The account: its credentials and the telephone numbers it owns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

API_VERSION = "2010-04-01"


def new_sid(prefix: str) -> str:
    """A resource identifier as Twilio makes them: two letters and 32 hexadecimal digits."""
    return prefix + uuid4().hex


def utc_now() -> datetime:
    """The wall clock, always with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Account:
    """The one account that the stand-in knows."""

    sid: str
    auth_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A telephone number of the account and what Twilio asks when it is called or written to.

    Every URL may carry connection overrides in its fragment. An empty URL is one that isn't configured.
    """

    number: str
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    friendly_name: str = ""
    sid: str = field(default_factory=lambda: new_sid("PN"))
    created: datetime = field(default_factory=utc_now)
    updated: datetime = field(default_factory=utc_now)


class Numbers:
    """The account's telephone numbers, found by SID or by E.164."""

    def __init__(self, numbers: Iterable[PhoneNumber] = ()) -> None:
        self._by_sid = {number.sid: number for number in numbers}

    def __iter__(self) -> Iterator[PhoneNumber]:
        return iter(tuple(self._by_sid.values()))

    def put(self, number: PhoneNumber) -> None:
        """Add a number, or replace the one that has its SID or its E.164."""
        if (same := self.find(number.number)) is not None:
            del self._by_sid[same.sid]
        self._by_sid[number.sid] = number

    def remove(self, sid: str) -> None:
        """Give a number back."""
        del self._by_sid[sid]

    def by_sid(self, sid: str) -> PhoneNumber | None:
        """The number with this SID."""
        return self._by_sid.get(sid)

    def find(self, number: str) -> PhoneNumber | None:
        """The number as E.164."""
        return next((owned for owned in self._by_sid.values() if owned.number == number), None)
