"""Faults on demand: how the REST API misbehaves for the next requests that match."""

import re
from dataclasses import dataclass
from enum import Enum


class Mishap(Enum):
    """What befalls a request. REFUSED: an error, no effect. HANGS: no effect and never a reply.
    REPLY_LOST: it takes effect, then the connection breaks before a reply.
    """

    REFUSED = "refused"
    HANGS = "hangs"
    REPLY_LOST = "reply-lost"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing gone wrong; status and code are those of a refusal."""

    mishap: Mishap
    status: int = 503
    code: int = 20503


@dataclass(slots=True)
class _Arranged:
    fault: Fault
    method: str
    path: re.Pattern[str]
    times: int


class Faults:
    """Arrange faults for REST requests by method and a regular expression that is searched in the path.

    >>> faults.refuse("POST", "/Messages.json$", status=429, code=20429, times=2)
    """

    def __init__(self) -> None:
        self._arranged: list[_Arranged] = []

    def refuse(self, method: str, path: str, *, status: int = 503, code: int = 20503, times: int = 1) -> None:
        """Answer the next matching requests with an error of Twilio's form."""
        self._arrange(Fault(Mishap.REFUSED, status, code), method, path, times)

    def hang(self, method: str, path: str, *, times: int = 1) -> None:
        """Take the next matching requests and never answer; they have no effect."""
        self._arrange(Fault(Mishap.HANGS), method, path, times)

    def lose_reply(self, method: str, path: str, *, times: int = 1) -> None:
        """Perform the next matching requests and break the connection instead of answering."""
        self._arrange(Fault(Mishap.REPLY_LOST), method, path, times)

    def clear(self) -> None:
        """Let everything work again."""
        self._arranged.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that befalls this request, used up by it."""
        for arranged in self._arranged:
            if arranged.method == method and arranged.path.search(path):
                arranged.times -= 1
                if arranged.times <= 0:
                    self._arranged.remove(arranged)
                return arranged.fault
        return None

    def _arrange(self, fault: Fault, method: str, path: str, times: int) -> None:
        self._arranged.append(_Arranged(fault, method, re.compile(path), times))
