"""Waiting for what must come: looks again until it has, or fails at a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], until: Callable[[T], bool], seconds: float = 15.0
) -> T:
    """What `look` gives once `until` holds for it. Fails with the last thing seen."""
    seen: T
    try:
        async with asyncio.timeout(seconds):
            while True:
                seen = await look()
                if until(seen):
                    return seen
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s; last seen: {seen!r}") from None
