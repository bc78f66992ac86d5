from pathlib import Path

import pytest

from callguard.errors import DatabaseUnavailable
from callguard.intake.routes import RouteBook
from callguard.trust.sealing import Sealer
from tests.unit.intake.stored_routes import MARGARET, PIERRE, StoredRoutes, as_database

SEALER = Sealer(bytes(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "routes.sealed"


async def test_it_knows_what_the_database_knows(path: Path) -> None:
    stored, book = StoredRoutes(MARGARET, PIERRE), RouteBook(path, SEALER)
    assert book.find(MARGARET.twilio_number) is None

    await book.refresh(as_database(stored))

    assert book.find(MARGARET.twilio_number) == MARGARET
    assert book.find(PIERRE.twilio_number) == PIERRE
    assert book.find("+12025550199") is None


async def test_a_number_taken_away_is_forgotten(path: Path) -> None:
    stored, book = StoredRoutes(MARGARET, PIERRE), RouteBook(path, SEALER)
    await book.refresh(as_database(stored))

    stored.routes = [PIERRE]
    await book.refresh(as_database(stored))

    assert book.find(MARGARET.twilio_number) is None
    again = RouteBook(path, SEALER)
    again.load()
    assert again.find(MARGARET.twilio_number) is None


async def test_it_survives_a_restart_while_the_database_is_away(path: Path) -> None:
    await RouteBook(path, SEALER).refresh(as_database(StoredRoutes(MARGARET, PIERRE)))

    book = RouteBook(path, SEALER)
    book.load()

    assert book.find(MARGARET.twilio_number) == MARGARET
    assert book.find(PIERRE.twilio_number) == PIERRE


async def test_it_keeps_what_it_knew_when_the_database_goes_away(path: Path) -> None:
    stored, book = StoredRoutes(MARGARET), RouteBook(path, SEALER)
    await book.refresh(as_database(stored))
    stored.away = True

    with pytest.raises(DatabaseUnavailable):
        await book.refresh(as_database(stored))

    assert book.find(MARGARET.twilio_number) == MARGARET


async def test_the_file_shows_no_number_and_is_for_its_owner_alone(path: Path) -> None:
    await RouteBook(path, SEALER).refresh(as_database(StoredRoutes(MARGARET)))

    assert MARGARET.phone_number.encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_without_a_file_it_is_empty(path: Path) -> None:
    book = RouteBook(path, SEALER)
    book.load()

    assert book.find(MARGARET.twilio_number) is None


@pytest.mark.parametrize("damage", ["another key", "noise", "empty", "a folder"])
async def test_a_file_that_cannot_be_read_counts_as_none(path: Path, damage: str) -> None:
    if damage == "another key":
        await RouteBook(path, Sealer(b"\1" * 32)).refresh(as_database(StoredRoutes(MARGARET)))
    elif damage == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"noise" * 20 if damage == "noise" else b"")

    book = RouteBook(path, SEALER)
    book.load()

    assert book.find(MARGARET.twilio_number) is None


async def test_a_damaged_file_is_written_anew(path: Path) -> None:
    path.write_bytes(b"noise")
    book = RouteBook(path, SEALER)
    book.load()

    await book.refresh(as_database(StoredRoutes(MARGARET)))

    again = RouteBook(path, SEALER)
    again.load()
    assert again.find(MARGARET.twilio_number) == MARGARET


async def test_a_disk_that_cannot_be_written_leaves_the_routes_in_memory(tmp_path: Path) -> None:
    book = RouteBook(tmp_path / "missing" / "routes.sealed", SEALER)

    await book.refresh(as_database(StoredRoutes(MARGARET)))

    assert book.find(MARGARET.twilio_number) == MARGARET
