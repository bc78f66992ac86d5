"""docs/reliability.md promises what tests hold: each row names its tests, each such test is named there."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.conventions.project import modules, text, tree

PROMISED = [
    *(f"F{number}" for number in (*range(1, 24), *range(25, 28))),
    *(f"A{number}" for number in (*range(1, 12), *range(21, 24))),
]
_ROW = re.compile(r"^\| ([FA]\d+) \|(.*)\|$", re.MULTILINE)
TABLE = {
    row: [cell.strip() for cell in cells.split("|")]
    for row, cells in _ROW.findall(text("docs/reliability.md"))
}
TESTS = 2


@cache
def _marked() -> dict[str, set[str]]:
    """By row, the tests that hold it, as they are named below tests/."""
    held: dict[str, set[str]] = {}
    for path in modules("tests"):
        for test, rows in _promises(tree(path)):
            for row in rows:
                held.setdefault(row, set()).add(f"{path.relative_to('tests')}::{test}")
    return held


def _promises(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for outer in module.body:
        inside = outer.body if isinstance(outer, ast.ClassDef) else [outer]
        for node in inside:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{outer.name}::{node.name}" if isinstance(outer, ast.ClassDef) else node.name
                yield name, [row for decorator in node.decorator_list for row in _rows(decorator)]


def _rows(decorator: ast.expr) -> list[str]:
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.promise":
        return []
    return [ast.literal_eval(argument) for argument in decorator.args]


def test_the_table_has_every_row_once_and_in_order() -> None:
    assert [row for row, _ in _ROW.findall(text("docs/reliability.md"))] == PROMISED


@pytest.mark.parametrize("row", PROMISED)
def test_a_row_names_the_tests_that_hold_it_and_no_others(row: str) -> None:
    named = set(re.findall(r"`([\w/]+\.py::[\w:]+)`", TABLE[row][TESTS]))

    assert named
    assert named == _marked().get(row, set())


def test_no_test_holds_a_row_that_nobody_promised() -> None:
    assert set(_marked()) <= set(PROMISED)
