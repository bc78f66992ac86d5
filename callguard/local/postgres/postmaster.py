"""A running server as seen from outside: its socket, the socket's folder, its postmaster.pid."""

import os
import re
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from callguard.errors import EmbeddedPostgresError
from callguard.local.postgres.binaries import Account
from callguard.local.postgres.record import Record

_SOCKET_PATH_BYTES = 103  # macOS's limit, Linux takes four more
_PLAIN_PATH = re.compile(r"/[\w./-]*", re.ASCII)  # addresses and Postgres's setting take a list of folders


def answers(record: Record) -> bool:
    """Whether a postmaster listens on the socket; a connection without a word is nothing to it."""
    if record.socket is None:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(record.socket))
        except OSError:
            return False
    return True


def lost_its_socket(record: Record) -> bool:
    """Whether the server is ready but its socket was cleaned away, so that only a restart brings it back."""
    lines = _pid_file(record)
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return ready and not (record.socket is not None and record.socket.exists())


def forget_dead(record: Record) -> None:
    """Remove what a killed server left behind; only while none of ours can live.

    Postgres would take whoever has the old server's number for it and refuse to start: another process after
    a reboot, or its zombie for as long as nobody reaps that (callguard may be process 1 of a container).
    """
    if record.socket is not None:
        record.socket.unlink(missing_ok=True)
        record.socket.with_name(f"{record.socket.name}.lock").unlink(missing_ok=True)
    lines = _pid_file(record)
    process = Path("/proc") / lines[0].strip() if lines else None
    if process is None or not process.exists():
        return
    try:
        at_home = process.joinpath("cwd").readlink() == record.folder
    except OSError:
        at_home = False
    if not at_home:
        (record.folder / "postmaster.pid").unlink(missing_ok=True)


def socket_folder(record: Record, account: Account) -> Path:
    """A short, private folder for the socket, the same as before if that can be had.

    Raises EmbeddedPostgresError where none can be made.
    """
    if record.socket is not None and _reclaimed(record.socket.parent, account):
        return record.socket.parent
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108  # a folder of its own is made in it
    for base in bases:
        longest = f"{base}/{record.socket_prefix}12345678/.s.PGSQL.5432.lock"
        fits = _PLAIN_PATH.fullmatch(base) and len(longest) <= _SOCKET_PATH_BYTES
        if not fits or not os.access(base, os.W_OK):
            continue
        folder = Path(tempfile.mkdtemp(prefix=record.socket_prefix, dir=base))
        account.own(folder)
        if account.can_enter(folder):
            return folder
        folder.rmdir()
    raise EmbeddedPostgresError(
        f"No folder for the database's socket could be made in {', '.join(filter(None, bases))}: "
        "set TMPDIR to a short path that can be written."
    )


def drop_socket_folder(record: Record) -> None:
    """Leave no folder behind, unless a server still has its socket in it."""
    if record.socket is not None:
        with suppress(OSError):
            record.socket.parent.rmdir()


def last_words(record: Record) -> str | None:
    """What a server that couldn't go on last wrote to its log, which never has personal data."""
    try:
        lines = record.log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    words = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
    return words[-1] if words else None


def _pid_file(record: Record) -> list[str]:
    """The lines of postmaster.pid: process, folder, start, port, socket folder, address, memory, state."""
    try:
        return (record.folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _reclaimed(folder: Path, account: Account) -> bool:
    """Whether an earlier folder can be used again: made anew if it was cleaned away, refused if not ours."""
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        pass
    except OSError:
        return False
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077
