from pathlib import Path

import pytest

from callguard.errors import DatabaseUnavailable
from callguard.intake.routes import RouteBook
from callguard.trust.sealing import Sealer
from tests.unit.intake.stored_routes import MARGARET, PIERRE, StoredRoutes, as_database

SEALER = Sealer(bytes(32))


def content(path: Path) -> bytes:
    return path.read_bytes()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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

    assert MARGARET.phone_number.encode() not in content(path)
    assert mode(path) == 0o600
    assert names(path.parent) == [path.name]


def test_without_a_file_it_is_empty(path: Path) -> None:
    book = RouteBook(path, SEALER)
    book.load()

    assert book.find(MARGARET.twilio_number) is None


async def test_a_file_of_another_key_counts_as_none(path: Path) -> None:
    await RouteBook(path, Sealer(b"\1" * 32)).refresh(as_database(StoredRoutes(MARGARET)))

    book = RouteBook(path, SEALER)
    book.load()

    assert book.find(MARGARET.twilio_number) is None


@pytest.mark.parametrize("found", [b"noise" * 20, b"", None])
def test_a_file_that_cannot_be_read_counts_as_none(path: Path, found: bytes | None) -> None:
    if found is None:
        path.mkdir()
    else:
        path.write_bytes(found)

    book = RouteBook(path, SEALER)
    book.load()

    assert book.find(MARGARET.twilio_number) is None


async def test_a_damaged_file_is_written_anew(path: Path) -> None:
    await RouteBook(path, Sealer(b"\1" * 32)).refresh(as_database(StoredRoutes(MARGARET)))
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


async def test_the_route_of_a_call_just_answered_is_known_at_once_and_after_a_restart(path: Path) -> None:
    book = RouteBook(path, SEALER)
    await book.refresh(as_database(StoredRoutes(PIERRE)))

    await book.learn(MARGARET)

    again = RouteBook(path, SEALER)
    again.load()
    for known in (book, again):
        assert known.find(MARGARET.twilio_number) == MARGARET
        assert known.find(PIERRE.twilio_number) == PIERRE
