"""Each setting is documented where people look for it, and with the default it has."""

import ast
import re

from callguard.config import Settings
from tests.conventions.project import text, tree

# A setting stands commented out with its default or an example; prose has a space after the '#'.
_ENTRY = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
EXAMPLE = dict(_ENTRY.findall(text(".env.example")))
FIELDS = Settings.model_fields


def test_each_setting_is_in_the_example_and_nothing_else_is() -> None:
    assert set(EXAMPLE) == {field.alias for field in FIELDS.values()}


def test_nothing_is_listed_twice() -> None:
    assert len(_ENTRY.findall(text(".env.example"))) == len(EXAMPLE)


def test_copying_the_example_changes_nothing() -> None:
    assert re.findall(r"^[^#\n]", text(".env.example"), re.MULTILINE) == []


def test_the_example_shows_the_default_where_there_is_one() -> None:
    shown = {
        name: (EXAMPLE[field.alias], str(field.default))
        for name, field in FIELDS.items()
        if field.alias in EXAMPLE and isinstance(field.default, str | int | float)
    }

    assert shown
    assert {name for name, (example, default) in shown.items() if example != default} == set()


def test_each_setting_says_what_it_is_in_a_line_below_it() -> None:
    (settings,) = (
        n for n in tree("callguard/config.py").body if isinstance(n, ast.ClassDef) and n.name == "Settings"
    )
    described = {
        field.target.id
        for field, below in zip(settings.body, settings.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }

    assert described == set(FIELDS)
