"""What Twilio's debugger would show: everything the product got wrong, by Twilio's codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from callguard.local.twilio.account import utc_now

RETRIEVAL_FAILURE = 11200
CONNECTION_FAILURE = 11205
INVALID_OVERRIDE = 11243
DOCUMENT_PARSE_FAILURE = 12100
TWIML_WARNING = 12200
STREAM_HANDSHAKE_ERROR = 31920
STREAM_CLOSED = 31921
STREAM_MESSAGE_REFUSED = 31924


@dataclass(frozen=True, slots=True)
class Notification:
    """One entry of the debugger. `message` carries no numbers of people and no words spoken."""

    code: int
    message: str
    call_sid: str
    at: datetime


class Debugger:
    """Keeps notifications for whoever looks; a correct product leaves it empty."""

    def __init__(self) -> None:
        self._notifications: list[Notification] = []

    def tell(self, code: int, message: str, call_sid: str = "") -> None:
        """Record one."""
        self._notifications.append(Notification(code, message, call_sid, utc_now()))

    def __iter__(self) -> Iterator[Notification]:
        return iter(self._notifications)

    def __len__(self) -> int:
        return len(self._notifications)

    def codes(self) -> tuple[int, ...]:
        """The codes alone, in order."""
        return tuple(notification.code for notification in self._notifications)
