"""Facts kept on disk, sealed, while the database is away; replayed in the order they came.

One file a fact: written aside, flushed, then renamed, so that a crash leaves a whole record or none. The
name gives the order.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from callguard.domain import facts
from callguard.domain.facts import AnyFact
from callguard.errors import SpoolError
from callguard.trust.sealing import SealBroken, Sealer

_SUFFIX = ".fact"
_SET_ASIDE = ".unreadable"


@dataclass(frozen=True, slots=True)
class Spooled:
    """A kept fact; `age_seconds` since it was kept."""

    path: Path
    fact: AnyFact
    age_seconds: float


class Spool:
    """The spool of one data folder. What waits is known without touching the disk.

    Processes may share the folder: each replays what it finds there, and learns what others left or replayed
    whenever it looks.
    """

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer
        self._calls: dict[str, str] = {}  # by file name
        self._writing: set[str] = set()
        self._serial = 0

    def open(self) -> None:
        """Finds what an earlier run left. Blocking. Raises SpoolError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SpoolError(
                f"The spool folder {self._folder} can't be made ({type(error).__name__})."
            ) from error
        for _kept in self.kept():
            pass

    def __len__(self) -> int:
        return len(self._calls)

    def holds(self, call_sid: str) -> bool:
        """Whether facts of this call wait here, so that later ones must queue behind them."""
        return call_sid in self._calls.values()

    async def keep(self, fact: AnyFact) -> None:
        """Seals a fact to disk. Raises SpoolError, for instance when the disk is full."""
        self._serial += 1
        name = f"{time.time_ns():020d}-{self._serial:06d}-{os.getpid()}{_SUFFIX}"
        self._calls[name] = fact.call_sid
        self._writing.add(name)
        try:
            await asyncio.to_thread(self._write, name, facts.encode(fact))
        except OSError as error:
            del self._calls[name]
            raise SpoolError(
                f"A fact could not be spooled ({type(error).__name__}). Free disk space in {self._folder}."
            ) from error
        finally:
            self._writing.discard(name)

    def _write(self, name: str, plain: bytes) -> None:
        path = self._folder / name
        draft = path.with_suffix(".part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._sealer.seal(plain, name.encode()))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)

    def kept(self) -> Iterator[Spooled]:
        """Everything kept, oldest first; a record that doesn't open is set aside.

        Blocking. Raises SpoolError.
        """
        known = set(self._calls) - self._writing
        paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
        for name in known - {path.name for path in paths}:
            self._calls.pop(name, None)
        for path in paths:
            try:
                fact = self._read(path)
            except OSError as error:
                raise SpoolError(
                    f"The spool in {self._folder} can't be read ({type(error).__name__})."
                ) from error
            if fact is None:
                self._calls.pop(path.name, None)
            else:
                self._calls[path.name] = fact.call_sid
                yield Spooled(path, fact, age_seconds=time.time() - int(path.name.partition("-")[0]) / 1e9)

    def _read(self, path: Path) -> AnyFact | None:
        try:
            return facts.decode(self._sealer.open(path.read_bytes(), path.name.encode()))
        except FileNotFoundError:  # another process of this folder replayed it
            return None
        except (SealBroken, msgspec.DecodeError):
            path.rename(path.with_suffix(_SET_ASIDE))
            return None

    def remove(self, spooled: Spooled) -> None:
        """After the fact was stored."""
        spooled.path.unlink(missing_ok=True)
        self._calls.pop(spooled.path.name, None)
