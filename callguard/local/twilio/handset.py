"""The people at the other end: telephones that answer or don't, send calls back, and reply to messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class OnCall(StrEnum):
    """What a handset does when it is rung."""

    ANSWERS = "answers"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FORWARDS_BACK = "forwards-back"
    VOICEMAIL = "voicemail"
    SCREENS = "screens"


class SmsStatus(StrEnum):
    """How a message to a handset ends."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OnSms:
    """How a message ends, and Twilio's error code when it doesn't arrive, such as 30003, unreachable."""

    status: SmsStatus = SmsStatus.DELIVERED
    error_code: int | None = None

    @classmethod
    def delivered(cls) -> "OnSms":
        """The message arrives."""
        return cls()

    @classmethod
    def undelivered(cls, error_code: int = 30003) -> "OnSms":
        """The carrier could not deliver it."""
        return cls(SmsStatus.UNDELIVERED, error_code)

    @classmethod
    def failed(cls, error_code: int = 30008) -> "OnSms":
        """Twilio could not send it."""
        return cls(SmsStatus.FAILED, error_code)


Replies = Mapping[str, str] | Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Handset:
    """A telephone and its habits. All times are seconds of call time, shortened by the stand-in's speed.

    `replies` maps a piece of text to the reply to any message that contains it (letter case aside; an empty
    piece matches every message), or is a function from the message to a reply or None. `keys` are pressed
    one after the other where TwiML asks for them. A handset that SCREENS has a robot ask who is calling; told
    so, its owner comes on the line, unless they don't take such calls.
    """

    number: str
    on_call: OnCall = OnCall.ANSWERS
    ring_seconds: float = 1.0
    forwards_to: str | None = None
    on_sms: OnSms = field(default_factory=OnSms)
    replies: Replies = field(default_factory=dict)
    reply_after_seconds: float = 2.0
    keys: str = ""
    voicemail_greeting: str = "You have reached my voicemail. Please leave a message after the tone."
    screening_words: str = (
        "Hi, if you record your name and reason for calling, I'll see if this person is available."
    )
    takes_screened_calls: bool = True

    def reply_to(self, text: str) -> str | None:
        """What its owner writes back, if anything."""
        if callable(self.replies):
            return self.replies(text)
        lowered = text.lower()
        return next((reply for piece, reply in self.replies.items() if piece.lower() in lowered), None)


class PhoneBook:
    """Handsets by number. A number that isn't listed takes messages and never answers a call."""

    def __init__(self, handsets: Iterable[Handset] = (), *, default: Handset | None = None) -> None:
        self._default = default or Handset(number="", on_call=OnCall.NO_ANSWER)
        self._handsets = {handset.number: handset for handset in handsets}

    def __getitem__(self, number: str) -> Handset:
        return self._handsets.get(number) or replace(self._default, number=number)

    def __iter__(self) -> Iterator[Handset]:
        return iter(tuple(self._handsets.values()))

    def put(self, handset: Handset) -> None:
        """List a handset, or change the habits of the one with its number."""
        self._handsets[handset.number] = handset
