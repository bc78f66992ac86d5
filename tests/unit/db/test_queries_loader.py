from pathlib import Path

import pytest

from callguard.db.queries import QUERIES, load


def written(folder: Path, **files: str) -> Path:
    for noun, text in files.items():
        (folder / f"{noun}.sql").write_text(text)
    return folder


def test_statements_are_found_by_noun_and_name(tmp_path: Path) -> None:
    calls = """\
-- name: open
-- Stores a call.
INSERT INTO calls (id) VALUES ($1);

-- name: known
-- Whether it is known; the first line says so.
SELECT EXISTS (
    SELECT FROM calls WHERE id = $1);
"""
    people = "-- name: all\n-- Everybody.\nSELECT name FROM people"

    queries = load(written(tmp_path, calls=calls, people=people))

    assert set(queries) == {"calls.open", "calls.known", "people.all"}
    assert queries["calls.open"] == "-- Stores a call.\nINSERT INTO calls (id) VALUES ($1)"
    assert queries["calls.known"].endswith("SELECT FROM calls WHERE id = $1)")
    assert queries["people.all"].endswith("SELECT name FROM people")


def test_other_files_and_what_stands_before_the_first_name_are_no_statements(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("-- name: none\nSELECT 1")

    assert load(written(tmp_path, calls="-- Queries on calls.\nSELECT 0;\n")) == {}


def test_a_comment_that_looks_almost_like_a_name_belongs_to_its_statement(tmp_path: Path) -> None:
    queries = load(written(tmp_path, calls="-- name: open\n-- name: of the call, first\nSELECT 1;\n"))

    assert list(queries) == ["calls.open"]
    assert "of the call, first" in queries["calls.open"]


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert load(tmp_path) == {}


def test_the_statements_of_this_installation_do_not_change() -> None:
    assert QUERIES
    with pytest.raises(TypeError):
        QUERIES["calls.open"] = "DROP TABLE calls"  # type: ignore[index]
