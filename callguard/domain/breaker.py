"""A circuit breaker: a server that keeps failing is left alone for a while, then asked once whether it is
well.

Pure: times are seconds of any monotonic clock, chance is given as a number of 0 to 1.
"""

from dataclasses import dataclass, replace
from typing import Final

OPENS_AFTER: Final = 3
"""Failures in a row."""
FIRST_REST_SECONDS: Final = 15.0
LONGEST_REST_SECONDS: Final = 240.0
PROBE_SECONDS: Final = 10.0
"""Within this time a probe is answered; one that was lost on the way keeps nobody waiting for longer."""
JITTER: Final = 0.25
"""A rest is up to this share longer, so that many processes don't come back at one moment."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed at first. It opens after OPENS_AFTER failures in a row, and lets one probe through when its
    rest is over: a success closes it, a failure makes the next rest twice as long.
    """

    failures: int = 0
    open_until: float | None = None

    def rest(self, now: float) -> float:
        """Seconds for which nothing is to be asked; 0 where the next may go."""
        return max(0.0, self.open_until - now) if self.open_until is not None else 0.0

    def asked(self, now: float) -> "Breaker":
        """After a question left: while open, that was the probe, and others wait for what becomes of it."""
        return self if self.open_until is None else replace(self, open_until=now + PROBE_SECONDS)

    def succeeded(self) -> "Breaker":
        """After an answer of any kind."""
        return Breaker()

    def failed(self, now: float, chance: float, wanted: float = 0.0) -> "Breaker":
        """After a failure of the server; `chance` spreads the rests. One that wants to be left alone for so
        many seconds is, from the first time on.
        """
        failures = self.failures + 1
        if failures < OPENS_AFTER and not wanted:
            return Breaker(failures)
        doubled = FIRST_REST_SECONDS * 2 ** max(0, failures - OPENS_AFTER)
        rest = min(wanted or doubled, LONGEST_REST_SECONDS)
        return Breaker(failures, now + rest * (1 + JITTER * chance))
