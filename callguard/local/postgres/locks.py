"""Locks between processes, held by the kernel: whoever dies lets go of them, however it died.

Lock files are never deleted: a lock on a deleted file excludes nobody.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from callguard.errors import ConfigurationError, DataFolderInUse

_POLL_S = 0.02


class FileLock:
    """An flock. A child that inherits its descriptor holds it too, until the last copy is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock, shared or exclusive."""
        return self._fd is not None

    def fileno(self) -> int:
        """The descriptor to hand to a child that shall hold the lock; only while it is held."""
        if self._fd is None:
            raise ValueError("the lock isn't held")
        return self._fd

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock, or turn a held one from shared to exclusive; False when another forbids it."""
        # Reading is enough for flock, so the lock file may belong to another user of the same data folder.
        fd = os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o644) if self._fd is None else self._fd
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if self._fd is None:
                os.close(fd)
            if isinstance(error, BlockingIOError):
                return False
            raise
        self._fd = fd
        return True

    def acquire(self, *, shared: bool = False, within: float) -> None:
        """Wait up to `within` seconds for the lock; blocks the thread. Raises TimeoutError."""
        deadline = time.monotonic() + within
        while not self.try_acquire(shared=shared):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._path} stayed locked by another process for {within:.0f} s")
            time.sleep(_POLL_S)

    @contextmanager
    def holding(self, *, within: float) -> Iterator[Self]:
        """Hold it, exclusively, for the length of a `with`. Raises TimeoutError."""
        self.acquire(within=within)
        try:
            yield self
        finally:
            self.release()

    def release(self) -> None:
        """Let go; a lock that isn't held is no error."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class DataFolderLock:
    """The server's own lock: one `callguard serve` at a time on a data folder.

    Raises DataFolderInUse while another process holds it, ConfigurationError where the folder can't be used.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._fd: int | None = None

    def __enter__(self) -> Self:
        path = self._data_dir / "serve.lock"
        try:
            make_data_folder(self._data_dir)
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"The data folder {self._data_dir} can't be used ({error.strerror}): "
                "run as the user it belongs to, or set CALLGUARD_DATA_DIR."
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 20).decode("ascii", "replace").strip()
            os.close(fd)
            raise DataFolderInUse(
                f"Process {holder or '(unknown)'} already serves {self._data_dir}; "
                "stop it or set CALLGUARD_DATA_DIR."
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def make_data_folder(data_dir: Path) -> None:
    """Make the data folder where it is missing: closed to others, but root's lets Postgres's user through."""
    data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
