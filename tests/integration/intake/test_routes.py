"""The route book: what is needed to connect calls while the database is away."""

import asyncio
import stat
from pathlib import Path

import pytest

from callguard.db.pool import Database
from callguard.errors import DatabaseUnavailable
from callguard.intake import routes as module
from callguard.intake.routes import Route, RouteBook
from callguard.local.postgres import Cluster
from callguard.trust.sealing import Sealer
from tests.integration.population import DEADLINE_S, Household, background, household, rows
from tests.integration.wire import Wire

SEALER = Sealer(bytes(32))


def route_to(home: Household) -> Route:
    return Route(home.twilio_number, home.user_id, home.phone_number, language="en", announce=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "routes.sealed"


def on_disk(path: Path) -> tuple[bytes, int, list[Path]]:
    """What the file holds, who may read it, and what else lies in its folder."""
    return path.read_bytes(), stat.S_IMODE(path.stat().st_mode), list(path.parent.iterdir())


def spoil(path: Path, damage: str) -> None:
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage in ("absent", "a folder"):
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
    if damage == "a folder":
        path.mkdir()


async def test_it_knows_every_number_of_every_tenant(database: Database, path: Path) -> None:
    homes = [await household(database, number) for number in (1, 2)]
    book = RouteBook(path, SEALER)
    assert book.find(homes[0].twilio_number) is None
    await book.refresh(database)
    assert [book.find(home.twilio_number) for home in homes] == [route_to(home) for home in homes]
    assert book.find("+12025550199") is None


async def test_it_follows_what_changes(cluster: Cluster, database: Database, path: Path) -> None:
    kept, moved = [await household(database, number) for number in (1, 2)]
    book = RouteBook(path, SEALER)
    await book.refresh(database)
    await rows(cluster, "UPDATE users SET twilio_number = '+12025550109' WHERE id = $1", moved.user_id)
    await book.refresh(database)
    assert book.find(moved.twilio_number) is None
    assert book.find("+12025550109") is not None
    assert book.find(kept.twilio_number) == route_to(kept)


async def test_a_restarted_server_knows_them_without_the_database(database: Database, path: Path) -> None:
    home = await household(database)
    await RouteBook(path, SEALER).refresh(database)
    restarted = RouteBook(path, SEALER)
    restarted.load()
    assert restarted.find(home.twilio_number) == route_to(home)


async def test_on_disk_they_are_sealed(database: Database, path: Path) -> None:
    home = await household(database)
    await RouteBook(path, SEALER).refresh(database)
    sealed, mode, beside = on_disk(path)
    assert home.twilio_number.encode() not in sealed
    assert home.phone_number.encode() not in sealed
    assert mode == 0o600
    assert beside == [path]


async def test_a_file_that_cannot_be_read_counts_as_none_and_is_replaced(
    database: Database, path: Path
) -> None:
    home = await household(database)
    for damage in ("another key", "cut short", "emptied", "absent"):
        written_with = Sealer(bytes([1] * 32)) if damage == "another key" else SEALER
        await RouteBook(path, written_with).refresh(database)
        spoil(path, damage)
        book = RouteBook(path, SEALER)
        book.load()
        assert book.find(home.twilio_number) is None, damage
        await book.refresh(database)
        assert book.find(home.twilio_number) == route_to(home)
        again = RouteBook(path, SEALER)
        again.load()
        assert again.find(home.twilio_number) == route_to(home), damage


async def test_what_could_not_be_saved_is_saved_the_next_time(database: Database, path: Path) -> None:
    home = await household(database)
    book = RouteBook(path, SEALER)
    spoil(path, "a folder")
    await book.refresh(database)
    spoil(path, "absent")
    await book.refresh(database)
    restarted = RouteBook(path, SEALER)
    restarted.load()
    assert restarted.find(home.twilio_number) == route_to(home)


async def test_it_learns_the_route_of_a_call_just_answered(database: Database, path: Path) -> None:
    home, newcomer = [await household(database, number) for number in (1, 2)]
    book = RouteBook(path, SEALER)
    await book.refresh(database)
    moved = Route(newcomer.twilio_number, newcomer.user_id, "+12025550119", language="en", announce=False)
    await book.learn(moved)
    restarted = RouteBook(path, SEALER)
    restarted.load()
    for known in (book, restarted):
        assert known.find(newcomer.twilio_number) == moved
        assert known.find(home.twilio_number) == route_to(home)


async def test_an_outage_leaves_it_as_it_was(
    cluster: Cluster, database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.01)
    home = await household(database)
    book = RouteBook(path, SEALER)
    async with Wire(cluster.app_dsn) as wire:
        through = Database(wire.dsn, size=2)
        await book.refresh(through)
        await wire.cut()
        with pytest.raises(DatabaseUnavailable):
            await book.refresh(through)
        assert book.find(home.twilio_number) == route_to(home)
        other = await household(database, 2)
        async with background(asyncio.create_task(book.run(through))):
            await wire.mend()
            async with asyncio.timeout(DEADLINE_S):
                while book.find(other.twilio_number) is None:
                    await rows(cluster, "SELECT")
        await through.close()
