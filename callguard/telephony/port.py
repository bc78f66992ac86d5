"""What callguard asks of a telephone provider."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DialledLeg:
    """A leg that Twilio took.

    `token_refused` is Twilio's code where the caller's own number could not be shown.
    """

    call_sid: str
    used_call_token: bool
    token_refused: str | None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that Twilio took, and its status there."""

    sid: str
    status: str


class Telephony(Protocol):
    """All methods raise TelephonyError when refused and TelephonyUnreachable when no answer came."""

    async def dial_into_conference(
        self,
        *,
        conference: str,
        to: str,
        caller: str,
        fallback_caller: str,
        call_token: str | None,
        status_callback: str,
        answered_by_callback: str,
    ) -> DialledLeg:
        """Rings a phone, or a `sip:` or `client:` address, and puts whoever answers into the conference, as
        participant `person`. Whether that was a machine is told afterwards.
        """
        ...

    async def leg_in_conference(self, conference: str, known: Collection[str] = ()) -> str | None:
        """The call SID of a participant `person` that is not among those known, if such a leg exists."""
        ...

    async def drop_leg(self, conference: str, call_sid: str) -> None:
        """Ends one leg of a conference, and the conference does not end with it."""
        ...

    async def call_status(self, call_sid: str) -> str | None:
        """A call's status; None where the provider does not know the call."""
        ...

    async def redirect(self, call_sid: str, twiml: str) -> None:
        """Gives a leg new instructions."""
        ...

    async def send_message(self, *, to: str, sender: str, body: str, status_callback: str) -> SentMessage:
        """Sends an SMS. Not idempotent: look with `find_message` before sending again."""
        ...

    async def find_message(self, *, to: str, body: str, since: datetime) -> SentMessage | None:
        """A message with this body that Twilio took, for the case that its reply was lost."""
        ...
