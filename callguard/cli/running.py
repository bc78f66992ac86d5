"""Running a coroutine as a command: on uvloop, ended by Ctrl-C without a traceback."""

import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")
INTERRUPTED = 130


def run(work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; exit status 130 when interrupted."""
    try:
        return uvloop.run(work)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def printable(text: str) -> str:
    """Without what could steer the terminal: names and words come from strangers."""
    return "".join(character for character in text if character.isprintable())


def tell(line: str) -> None:
    """Progress, on standard error: standard output is for results."""
    print(line, file=sys.stderr, flush=True)
