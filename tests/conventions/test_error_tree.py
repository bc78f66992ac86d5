"""The tree drawn in callguard/errors.py is the tree of the classes, and each has a code of its own."""

import importlib
import pkgutil
import re

import callguard
from callguard import errors
from callguard.errors import CallguardError

# 'CallguardError', '├── Child', '│   └── Grandchild': three or four columns a level, then the name.
_DRAWN = re.compile(r"^((?:│   |    )*)(├── |└── )?([A-Z]\w+)(?: {2,}(\S.*))?$", re.MULTILINE)


def drawn() -> dict[str, tuple[str | None, str]]:
    """Each class of the drawing, with the class above it and its description."""
    above: list[str] = []
    found: dict[str, tuple[str | None, str]] = {}
    for indent, branch, name, description in _DRAWN.findall(errors.__doc__ or ""):
        depth = len(indent) // 4 + bool(branch)
        above[depth:] = [name]
        found[name] = (above[depth - 1] if depth else None, description)
    return found


def classes() -> dict[str, type[CallguardError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, CallguardError)
    }


def all_errors() -> set[type[CallguardError]]:
    """Those of every room too."""
    for module in pkgutil.walk_packages(callguard.__path__, "callguard."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, unseen = {CallguardError}, [CallguardError]
    while unseen:
        below = unseen.pop().__subclasses__()
        found.update(below)
        unseen += below
    return found


def test_the_drawing_is_the_tree() -> None:
    tree = {
        name: None if error is CallguardError else error.__bases__[0].__name__
        for name, error in classes().items()
    }

    assert {name: above for name, (above, _) in drawn().items()} == tree


def test_each_class_is_described_in_the_drawing_and_at_home() -> None:
    assert [name for name, (_, description) in drawn().items() if not description] == []
    assert [error.__name__ for error in all_errors() if not error.__doc__] == []


def test_each_error_has_a_code_of_its_own() -> None:
    errors_found = all_errors()

    assert [error.__name__ for error in errors_found if "code" not in vars(error)] == []
    assert len({error.code for error in errors_found}) == len(errors_found)
    assert [error.code for error in errors_found if not re.fullmatch(r"[A-Z][A-Z_]*[A-Z]", error.code)] == []


def test_our_errors_stand_on_one_tree() -> None:
    """A room's own errors are of the tree too; a class beside it would pass every handler by.

    Twilio's stand-in is not ours in this sense: there a caller who hangs up is an exception, and no error.
    """
    strangers = [
        f"{module.__name__}.{name}"
        for module in map(importlib.import_module, _rooms())
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__
        if not issubclass(value, CallguardError) and not name.startswith("_")
    ]

    assert strangers == []


def _rooms() -> list[str]:
    walked = pkgutil.walk_packages(callguard.__path__, "callguard.")
    return [m.name for m in walked if not m.name.startswith(("callguard.__main__", "callguard.local.twilio"))]
