"""Facts kept on disk, sealed, while the database is away; replayed in the order they came.

One file a fact: written aside, flushed, then renamed, so that a crash leaves a whole record or none. The name gives the order.
"""

import asyncio
import os
import time
from collections import Counter
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
    """The spool of one data folder. Its size per call is known without touching the disk."""

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer
        self._per_call: Counter[str] = Counter()
        self._serial = 0

    def open(self) -> None:
        """Finds what an earlier run left. Blocking. Raises SpoolError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SpoolError(f"The spool folder {self._folder} can't be made ({type(error).__name__}).") from error
        self._per_call = Counter(kept.fact.call_sid for kept in self.kept())

    def __len__(self) -> int:
        return self._per_call.total()

    def holds(self, call_sid: str) -> bool:
        """Whether facts of this call wait here, so that later ones must queue behind them."""
        return self._per_call[call_sid] > 0

    async def keep(self, fact: AnyFact) -> None:
        """Seals a fact to disk. Raises SpoolError, for instance when the disk is full."""
        self._serial += 1
        name = f"{time.time_ns():020d}-{self._serial:06d}-{os.getpid()}{_SUFFIX}"
        self._per_call[fact.call_sid] += 1
        try:
            await asyncio.to_thread(self._write, name, facts.encode(fact))
        except OSError as error:
            self._per_call[fact.call_sid] -= 1
            raise SpoolError(
                f"A fact could not be spooled ({type(error).__name__}). Free disk space in {self._folder}."
            ) from error

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
        """Everything kept, oldest first. Blocking. A record that doesn't open is set aside, not deleted."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                fact = facts.decode(self._sealer.open(path.read_bytes(), path.name.encode()))
            except FileNotFoundError:  # another process of this folder replayed it
                continue
            except (SealBroken, msgspec.DecodeError):
                path.rename(path.with_suffix(_SET_ASIDE))
                continue
            age = time.time() - int(path.name.partition("-")[0]) / 1e9
            yield Spooled(path, fact, age)

    def remove(self, spooled: Spooled) -> None:
        """After the fact was stored."""
        spooled.path.unlink(missing_ok=True)
        self._per_call[spooled.fact.call_sid] -= 1
        if self._per_call[spooled.fact.call_sid] <= 0:
            del self._per_call[spooled.fact.call_sid]
