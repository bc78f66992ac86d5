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

    async def leg_in_conference(
        self, conference: str, label: str = "person", known: Collection[str] = ()
    ) -> str | None:
        """The call SID of a participant with that label that is not among those known, if there is one."""
        ...

    async def add_contact(self, *, conference: str, to: str, sender: str, label: str) -> str:
        """Rings a contact and puts them into the conference, which goes on without them; their call SID."""
        ...

    async def hold(self, *, conference: str, label: str, on: bool, announcement: str) -> None:
        """Puts a participant on hold, where `announcement` (a URL of TwiML) is spoken, or takes them back."""
        ...

    async def announce(self, *, conference: str, label: str, url: str) -> bool:
        """Speaks the TwiML at `url` to one participant alone; False where there is no such conference.

        Not idempotent: `url` must speak once.
        """
        ...

    async def end_leg(self, call_sid: str) -> None:
        """Hangs up on a leg; one that is over already is no error."""
        ...

    async def place_call(self, *, to: str, sender: str, twiml: str, status_callback: str | None) -> str:
        """Rings a phone and performs the TwiML; the call SID. Not idempotent: look with `find_call`."""
        ...

    async def ring_for_test(
        self, *, to: str, sender: str, url: str, status_callback: str, ring_seconds: int
    ) -> str:
        """Rings for a few seconds, and performs the TwiML of `url` where that is answered; the call SID."""
        ...

    async def find_call(self, *, to: str, sender: str, since: datetime) -> str | None:
        """A call made since then from one number to another, for the case that its reply was lost."""
        ...

    async def drop_leg(self, conference: str, call_sid: str) -> None:
        """Ends one leg of a conference, and the conference does not end with it."""
        ...

    async def change_participant(
        self, *, conference: str, call_sid: str, ends_conference: bool, announcement: str | None
    ) -> None:
        """Whether the conference ends with this participant; `announcement` (a URL of TwiML) is spoken to
        them alone. One who has left is no error.
        """
        ...

    async def recording(self, recording_sid: str) -> bytes | None:
        """A recording as WAV; None where there is none."""
        ...

    async def delete_recording(self, recording_sid: str) -> None:
        """Deletes a recording; one that is deleted already is no error."""
        ...

    async def call_status(self, call_sid: str) -> str | None:
        """A call's status; None where the provider does not know the call."""
        ...

    async def redirect(self, call_sid: str, twiml: str) -> None:
        """Gives a leg new instructions."""
        ...

    async def start_stream(self, call_sid: str, *, name: str, url: str, token: str) -> None:
        """Streams both tracks of a leg in progress; the token arrives as the stream's parameter `token`."""
        ...

    async def start_transcription(
        self, call_sid: str, *, name: str, language_code: str, hints: str, callback: str
    ) -> None:
        """Transcribes both tracks of a leg in progress, partials too, and tells `callback`."""
        ...

    async def stop_transcription(self, call_sid: str, session: str) -> None:
        """Ends a session, by its SID or name; one that is over already is no error."""
        ...

    async def send_message(self, *, to: str, sender: str, body: str, status_callback: str) -> SentMessage:
        """Sends an SMS. Not idempotent: look with `find_message` before sending again."""
        ...

    async def find_message(self, *, to: str, body: str, since: datetime) -> SentMessage | None:
        """A message with this body that Twilio took, for the case that its reply was lost."""
        ...
