import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from callguard.dashboard.feed import LiveFeed
from callguard.dashboard.rendering import View
from callguard.dashboard.snapshot import Snapshot, SnapshotSource
from callguard.errors import DatabaseUnavailable
from tests.unit.dashboard.live_calls import NOW, CallsInMemory, quiet_call

DEADLINE = 5


def feed_of(
    source: SnapshotSource,
    stopping: asyncio.Event | None = None,
    *,
    poll_seconds: float = 0.001,
    deadline_seconds: float = DEADLINE,
) -> LiveFeed:
    return LiveFeed(
        source,
        stopping=stopping or asyncio.Event(),
        poll_seconds=poll_seconds,
        deadline_seconds=deadline_seconds,
    )


async def next_with(views: AsyncIterator[View], words: str) -> View:
    """The first view from here on that has `words` in it."""
    async with asyncio.timeout(DEADLINE):
        async for view in views:
            if words in "".join(view.sections.values()):
                return view
    raise AssertionError(f"the views ended without {words!r}")


async def all_others_done() -> None:
    """Waits until no task but the test's own is left."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, running = await asyncio.wait(others, timeout=DEADLINE)
        assert not running


async def test_a_watcher_sees_the_state_at_once_and_then_each_change() -> None:
    source = CallsInMemory()
    async with aclosing(feed_of(source).views()) as views:
        await next_with(views, "No call yet")
        source.show(quiet_call())
        await next_with(views, "Margaret Hill")


async def test_while_nothing_changes_nothing_is_shown() -> None:
    source = CallsInMemory((quiet_call(),))
    async with aclosing(feed_of(source).views()) as views:
        await anext(views)
        another = asyncio.ensure_future(anext(views))
        await source.asked_again(times=3)
        assert not another.done()

        source.show()
        await asyncio.wait_for(another, DEADLINE)


async def test_a_crowd_of_watchers_costs_one_question() -> None:
    source = CallsInMemory((quiet_call(),))
    feed = feed_of(source, poll_seconds=60)

    pages = await asyncio.gather(*(feed.current() for _ in range(100)))

    assert source.asked == 1
    assert len({id(page) for page in pages}) == 1


async def test_nobody_watching_means_nobody_asking() -> None:
    source = CallsInMemory()
    feed = feed_of(source)
    async with aclosing(feed.views()) as views:
        await anext(views)
        async with aclosing(feed.views()) as others:
            await anext(others)
        await source.asked_again(times=3)  # one of two watchers left: the other is still served

    await all_others_done()

    source.show(quiet_call())
    view = await feed.current()
    assert view is not None
    assert "Margaret Hill" in view.sections["live"]


async def test_a_slow_watcher_skips_to_the_newest() -> None:
    source = CallsInMemory()
    feed = feed_of(source)
    async with aclosing(feed.views()) as slow, aclosing(feed.views()) as quick:
        await anext(slow)
        for name in ("Ada", "Bea", "Cleo"):
            source.show(quiet_call(person_name=name))
            await next_with(quick, name)

        view = await anext(slow)

    assert "Cleo" in view.sections["live"]


async def test_an_unreachable_database_leaves_the_last_state_under_a_banner() -> None:
    source = CallsInMemory((quiet_call(),))
    async with aclosing(feed_of(source).views()) as views:
        await anext(views)
        source.failure = DatabaseUnavailable("The database refused the connection.")
        away = await next_with(views, "database is away")
        assert "Margaret Hill" in away.sections["live"]

        source.failure = None
        back = await asyncio.wait_for(anext(views), DEADLINE)
        assert "away" not in back.sections["notice"]


async def test_a_silent_database_counts_as_away() -> None:
    async def silent() -> Snapshot:
        return await asyncio.Future()

    async with aclosing(feed_of(silent, deadline_seconds=0.01).views()) as views:
        await next_with(views, "database is away")


async def test_stopping_ends_every_watch_even_with_a_question_open() -> None:
    stopping, asked, waiting = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def silent_after_the_first() -> Snapshot:
        if asked.is_set():
            waiting.set()
            return await asyncio.Future()
        asked.set()
        return Snapshot(NOW, ())

    feed = feed_of(silent_after_the_first, stopping)
    everybody_watches = asyncio.Barrier(4)

    async def watch() -> None:
        async for _ in feed.views():
            await everybody_watches.wait()

    watches = [asyncio.create_task(watch()) for _ in range(3)]
    async with asyncio.timeout(DEADLINE):
        await everybody_watches.wait()
        await waiting.wait()
        stopping.set()
        await asyncio.gather(*watches)

    assert await feed.current() is None


async def test_a_defect_in_the_source_ends_the_watch_loudly() -> None:
    source = CallsInMemory(failure=LookupError("a defect"))
    feed = feed_of(source)

    with pytest.raises(LookupError, match="a defect"):
        await feed.current()

    source.failure = None
    assert await feed.current() is not None
