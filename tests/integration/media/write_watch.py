"""What this process writes, seen by an audit hook."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class WriteWatch:
    """Sees what this process opens for writing, or makes, while it is on. An audit hook can't be removed."""

    def __init__(self) -> None:
        self.is_on = False
        self.written: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "open" and self._writes(*arguments[1:3]):
            self.written.append(str(arguments[0]))
        elif event in {"os.mkdir", "os.rename", "os.link", "os.symlink", "tempfile.mkstemp", "mmap.__new__"}:
            self.written.append(event)

    @staticmethod
    def _writes(mode: str | None, flags: int) -> bool:
        return bool(set(mode or "") & set("wax+")) or bool(flags & 0b11)

    @contextmanager
    def on(self) -> Iterator[None]:
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False
