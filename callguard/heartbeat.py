"""A sign of life to the outside: an address is asked for each minute while the server is truly well.

What watches that address tells somebody when the signs stop: a server that is gone can't tell by itself.
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog

INTERVAL_SECONDS = 60.0
REPLY_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Heartbeat:
    """`is_well` is asked before each sign. `session` carries nothing of its own: no cookie, no login."""

    def __init__(self, url: str, is_well: Callable[[], bool], session: aiohttp.ClientSession) -> None:
        self._url = url
        self._is_well = is_well
        self._session = session

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self.beat()

    async def beat(self) -> bool:
        """One sign, if all is well; whether it was taken."""
        if not self._is_well():
            log.error("heartbeat_withheld", why="the database or the worker is not well")
            return False
        try:
            timeout = aiohttp.ClientTimeout(total=REPLY_SECONDS)
            async with self._session.get(self._url, allow_redirects=False, timeout=timeout) as response:
                taken = 200 <= response.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("heartbeat_not_taken", error=type(error).__name__)
            return False
        if not taken:
            log.warning("heartbeat_not_taken", status=response.status)
        return taken
