"""Making a new cluster, and seeing what an old one is."""

import re
import shutil
import sys
from pathlib import Path
from secrets import token_hex

from callguard.errors import EmbeddedPostgresError
from callguard.local.postgres.binaries import MAJOR, Account, Binaries, reason, settings, system_folder
from callguard.local.postgres.record import OWNER, Record

_INITDB_S = 120.0
# An administrator may change these in postgresql.conf.
_DEFAULTS = {
    "shared_buffers": "128MB",
    "max_connections": "50",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# pg_ctl starts the server through a shell, with its paths between double quotes.
_UNSAFE_PATH = re.compile(r'["$`\\\n]')


def place(data_dir: Path) -> Path:
    """Where a new cluster goes: into the data folder, unless the user who runs Postgres can't get there."""
    inside = data_dir / "postgres"
    if inside.exists():
        raise EmbeddedPostgresError(
            f"{inside} holds a database, but postgres.json beside it, which has its passwords, is missing: "
            f"bring it back from a backup, or move {inside} away to begin with an empty database."
        )
    if _UNSAFE_PATH.search(str(inside)):
        raise EmbeddedPostgresError(
            f'The path of the data folder {data_dir} has a " $ ` \\ or a line break in it, which Postgres '
            "can't take: set CALLGUARD_DATA_DIR to another folder."
        )
    account = Account.for_new_cluster()
    if not account.is_other or account.can_enter(data_dir):
        return inside
    return system_folder("clusters") / token_hex(8)


def create(record: Record, binaries: Binaries, alive_fd: int) -> None:
    """Make the cluster beside its place and move it there whole, so that nobody meets half of one."""
    draft = record.folder.with_name(f"{record.folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(mode=0o700)
        binaries.account.own(draft)
        password_file = draft / "password"
        password_file.touch(mode=0o600)
        binaries.account.own(password_file)
        password_file.write_text(record.owner_password)
        _initdb(draft / "data", password_file, binaries, alive_fd)
        (draft / "data").rename(record.folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _initdb(folder: Path, password_file: Path, binaries: Binaries, alive_fd: int) -> None:
    # Unicode's own rules for letters and case, the same on every machine. Text search asks the C library,
    # which takes typographic quotes and dashes for letters unless LC_CTYPE knows better.
    ctype = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    result = binaries.run(
        *("initdb", "--pgdata", folder, "--username", OWNER, "--pwfile", password_file),
        *("--auth", "scram-sha-256", "--data-checksums", "--no-instructions", "--encoding", "UTF8"),
        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        *("--locale", "C", "--lc-ctype", ctype),
        *settings(_DEFAULTS),
        timeout=_INITDB_S,
        pass_fds=[alive_fd],
    )
    if result.returncode != 0:
        raise EmbeddedPostgresError(
            f"A new database couldn't be made in {folder} ({reason(result.stderr)}): "
            "see that the disk has room and the folder can be written, then start again."
        )


def check_version(record: Record, record_path: Path) -> None:
    """Raises EmbeddedPostgresError unless the cluster is there and of the version that our programs read."""
    try:
        version = (record.folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise EmbeddedPostgresError(
            f"The database folder {record.folder} is gone: bring it back from a backup, "
            f"or remove {record_path} to begin with an empty database."
        ) from error
    if version != str(MAJOR):
        raise EmbeddedPostgresError(
            f"The database in {record.folder} was written by Postgres {version}, and this callguard brings "
            f"Postgres {MAJOR}: use the callguard that wrote it, or set CALLGUARD_DATA_DIR to begin anew."
        )
