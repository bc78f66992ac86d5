"""One cluster's life: made once, started or joined by whoever needs it, stopped by the last who leaves.

Everything here blocks and runs in a thread. Three locks in the data folder keep processes apart:

* `postgres.start.lock`, exclusive and short: making, starting, joining and stopping happen one at a time.
* `postgres.users.lock`, shared by everybody who uses the cluster: who gets it exclusively is the last.
* `postgres.alive.lock`, inherited by Postgres's own processes: while one of them lives, whatever became of
  ours, nobody can take it, and whoever takes it knows for certain that the cluster is down.
"""

import asyncio
import shlex
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path

import asyncpg
import msgspec

from callguard.errors import EmbeddedPostgresError
from callguard.local.postgres import creation, postmaster
from callguard.local.postgres.binaries import Account, Binaries, reason, settings
from callguard.local.postgres.locks import FileLock, make_data_folder
from callguard.local.postgres.record import APP, DATABASE, OWNER, PORT, Cluster, Record

_START_LOCK_S = 120.0  # another process may be at its first start
_REACH_S = 30.0  # what is left of a killed server takes some seconds to end
_RECOVERY_S = 60  # Postgres replays what a crash left in its log
_POLL_S = 0.05
_LOG_LIMIT_BYTES = 10_000_000

# What callguard promises: given at each start, so that they win over postgresql.conf.
_PROMISES = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "synchronous_commit": "on",
    # Statements and the values in an error's text or DETAIL are personal data. `log` keeps what the server
    # says of itself and leaves out what statements ran into; `terse` leaves out which statement a crash hit.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_checkpoints": "off",
    "log_connections": "",
    "log_disconnections": "off",
}

_APP_IS_RIGHT = """
    select exists (select from pg_authid where rolname = $1 and rolcanlogin and rolpassword is not null
                   and not (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole))"""
_SET_APP_RIGHT = """
    select format('%s role %I login nosuperuser nobypassrls nocreatedb nocreaterole password %L',
                  case when exists (select from pg_roles where rolname = $1) then 'alter' else 'create' end,
                  $1::text, $2::text)"""
_DATABASE_EXISTS = "select exists (select from pg_database where datname = $1)"


class ClusterServer:
    """The cluster of one data folder, seen by one of its users. Not for two threads at once."""

    def __init__(self, data_dir: Path, say: Callable[[str], None]) -> None:
        self._data_dir = data_dir.resolve()
        self._say = say
        self._users = FileLock(self._data_dir / "postgres.users.lock")
        self._record_path = self._data_dir / "postgres.json"

    def open(self) -> Cluster:
        """Make the cluster if there is none, start it if nobody did, and count as one of its users."""
        make_data_folder(self._data_dir)
        with self._alone():
            self._users.acquire(shared=True, within=_REACH_S)
            try:
                return self._start_or_join().addresses()
            except BaseException:
                self._leave()
                raise

    def ensure_running(self) -> None:
        """Start the cluster again if it is down; between open() and close() only."""
        if not self._users.held:
            raise RuntimeError("ensure_running() belongs inside `async with EmbeddedPostgres(...)`")
        record = Record.read(self._record_path)
        if record is None or not postmaster.answers(record):
            with self._alone():
                self._start_or_join()

    def close(self) -> None:
        """Stop using the cluster, and stop it if nobody else uses it."""
        if self._users.held:
            try:
                with self._alone():
                    self._leave()
            finally:
                self._users.release()

    def _leave(self) -> None:
        try:
            record = Record.read(self._record_path)
            if record is not None and self._users.try_acquire() and self._is_up():
                self._stop(record)
        finally:
            self._users.release()

    def _alone(self) -> AbstractContextManager[FileLock]:
        return FileLock(self._data_dir / "postgres.start.lock").holding(within=_START_LOCK_S)

    def _alive_lock(self) -> FileLock:
        return FileLock(self._data_dir / "postgres.alive.lock")

    def _is_up(self) -> bool:
        alive = self._alive_lock()
        down = alive.try_acquire()
        alive.release()
        return not down

    @cached_property
    def _binaries(self) -> Binaries:
        record = Record.read(self._record_path)
        made = record is not None and record.folder.exists()
        account = Account.owner_of(record.folder) if record and made else Account.for_new_cluster()
        return Binaries.find(account, self._say)

    def _load(self) -> Record:
        """The record of a cluster that exists, made now if need be."""
        record = Record.read(self._record_path)
        if record is None:
            record = Record.new(creation.place(self._data_dir))
            record.write(self._record_path)
        if not record.initialized:
            # An interrupted first start may have left an initdb running, which holds this lock too.
            with self._alive_lock().holding(within=_REACH_S) as alive:
                if not record.folder.exists():
                    self._say(f"Making a new database in {record.folder}.")
                    creation.create(record, self._binaries, alive.fileno())
            record = msgspec.structs.replace(record, initialized=True)
            record.write(self._record_path)
        creation.check_version(record, self._record_path)
        return record

    def _start_or_join(self) -> Record:
        record = self._load()
        deadline = time.monotonic() + _REACH_S
        alive = self._alive_lock()
        while not asyncio.run(_is_ready(record)):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The database in {record.folder} doesn't answer, though its processes haven't ended "
                    f"for {_REACH_S:.0f} s: start again in a minute. Its log is {record.log}."
                )
            if alive.try_acquire():
                try:
                    record = self._start(record, alive.fileno())
                finally:
                    alive.release()
            elif postmaster.lost_its_socket(record):
                self._stop(record)
            else:
                time.sleep(_POLL_S)
        return record

    def _start(self, record: Record, alive_fd: int) -> Record:
        self._say("Starting the database.")
        postmaster.forget_dead(record)
        folder = str(postmaster.socket_folder(record, self._binaries.account))
        if folder != record.socket_folder:
            record = msgspec.structs.replace(record, socket_folder=folder)
            record.write(self._record_path)
        with suppress(FileNotFoundError):
            if record.log.stat().st_size > _LOG_LIMIT_BYTES:
                record.log.replace(record.log.with_suffix(".log.1"))
        options = shlex.join(settings(_PROMISES | {"unix_socket_directories": folder}))
        result = self._binaries.run(
            *("pg_ctl", "start", "--wait", "--timeout", str(_RECOVERY_S)),
            *("--pgdata", record.folder, "--log", record.log, "--options", options),
            timeout=_RECOVERY_S + 30,
            pass_fds=[alive_fd],
        )
        if result.returncode != 0:
            postmaster.drop_socket_folder(record)
            raise EmbeddedPostgresError(
                f"The database in {record.folder} didn't start "
                f"({postmaster.last_words(record) or reason(result.stderr)}): its log {record.log} says more."
            )
        return record

    def _stop(self, record: Record) -> None:
        result = self._binaries.run(
            *("pg_ctl", "stop", "--mode", "fast", "--wait", "--timeout", str(_RECOVERY_S)),
            *("--pgdata", record.folder),
            timeout=_RECOVERY_S + 30,
        )
        if result.returncode != 0 and postmaster.answers(record):
            raise EmbeddedPostgresError(
                f"The database in {record.folder} didn't stop ({reason(result.stderr)}): "
                f"its log {record.log} says why."
            )
        postmaster.drop_socket_folder(record)


async def _is_ready(record: Record) -> bool:
    """Log in as the owner, and see that the app's role and database exist. False while nobody can log in."""
    if not postmaster.answers(record):
        return False
    try:
        connection = await asyncpg.connect(record.dsn(OWNER, record.owner_password, "postgres"), timeout=5)
    except (asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, OSError):
        return False
    try:
        if not await connection.fetchval(_APP_IS_RIGHT, APP):
            await connection.execute(await connection.fetchval(_SET_APP_RIGHT, APP, record.app_password))
        if not await connection.fetchval(_DATABASE_EXISTS, DATABASE):
            await connection.execute(f"create database {DATABASE}")
    finally:
        await connection.close()
    return True
