"""Call time: the seconds that people spend ringing and speaking, shortened by one speed."""

import asyncio
import math
from time import monotonic

from callguard.errors import ProtocolError

# The product's own work isn't shortened by the speed, so a waiting person is never more hurried than this.
LEAST_PATIENCE_SECONDS = 5.0


class Clock:
    """Turns seconds of call time into real ones. At an infinite speed no call time passes at all."""

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ProtocolError("The speed of the stand-in must be above zero; use 1 for real time.")
        self.speed = speed
        self.instant = math.isinf(speed)

    def real(self, seconds: float) -> float:
        """The real seconds that this much call time takes."""
        return 0.0 if self.instant else seconds / self.speed

    def patience(self, seconds: float) -> float:
        """The real seconds a person waits for something that the product has to do first."""
        return max(self.real(seconds), min(seconds, LEAST_PATIENCE_SECONDS))

    def elapsed(self, since: float) -> float:
        """The call time since a monotonic time; at an infinite speed, the real time."""
        return (monotonic() - since) * (1.0 if self.instant else self.speed)

    async def sleep(self, seconds: float) -> None:
        """Let call time pass; always yields to other tasks."""
        await asyncio.sleep(self.real(seconds))


class Pacer:
    """Even ticks that don't drift: each is scheduled from the first, however late the one before it came."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._step = clock.real(seconds)
        self._start = monotonic()
        self.tick = 0

    async def next(self) -> float:
        """Wait for the next tick and give the monotonic time it was due."""
        due = self._start + self.tick * self._step
        self.tick += 1
        await asyncio.sleep(max(0.0, due - monotonic()))
        return monotonic() if self._clock.instant else due
