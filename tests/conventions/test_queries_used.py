"""Each statement of sql/queries says what it is for and is used, and each one that is used exists."""

import ast
import re

from callguard.db.queries import QUERIES
from tests.conventions.project import modules, text, tracked, tree

_HEADER = re.compile(r"^-- name: (.+)$", re.MULTILINE)
_ASKS = {"rows", "row", "value", "run"}
FILES = [path for path in tracked() if path.parts[:2] == ("sql", "queries")]


def asked_for() -> set[str]:
    """The names given to `session.row(…)` and its like, and to `QUERIES[…]`."""
    names = set()
    for path in modules("callguard"):
        for node in ast.walk(tree(path)):
            given: ast.expr | None = None
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _ASKS
            ):
                given = next(iter(node.args), None)
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "QUERIES":
                given = node.slice
            if isinstance(given, ast.Constant) and re.fullmatch(r"\w+\.\w+", str(given.value)):
                names.add(str(given.value))
    return names


def test_only_files_of_statements_stand_there() -> None:
    assert {path.suffix for path in FILES} == {".sql"}


def test_each_name_is_a_word_and_stands_once() -> None:
    named = [f"{path.stem}.{name}" for path in FILES for name in _HEADER.findall(text(path))]

    assert sorted(named) == sorted(QUERIES)


def test_each_statement_begins_with_what_it_is_for() -> None:
    assert [name for name, query in QUERIES.items() if not re.match(r"-- \S.+[.?]?\n", query)] == []


def test_nothing_is_kept_that_nobody_asks_for() -> None:
    assert set(QUERIES) - asked_for() == set()


def test_nothing_is_asked_for_that_does_not_exist() -> None:
    assert asked_for() - set(QUERIES) == set()
