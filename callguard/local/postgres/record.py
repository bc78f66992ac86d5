"""What a data folder remembers about its cluster, and the addresses made from it."""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

import msgspec

from callguard.errors import EmbeddedPostgresError

OWNER = "callguard_owner"
APP = "callguard_app"
DATABASE = "callguard"
# No TCP port is ever opened: this is only part of the socket's file name.
PORT = 5432


@dataclass(frozen=True)
class Cluster:
    """asyncpg addresses over the Unix socket: the superuser's, who migrates, and the app role's."""

    owner_dsn: str = field(repr=False)
    app_dsn: str = field(repr=False)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """`postgres.json` in the data folder, readable by its owner only: it holds the passwords.

    `cluster` is an absolute path here. In the file, one inside the data folder is relative to it, so that the
    folder can be moved.
    """

    cluster: str
    owner_password: str
    app_password: str
    initialized: bool = False
    socket_folder: str | None = None

    @classmethod
    def new(cls, cluster: Path) -> Self:
        """A record of a cluster that is still to be made, with fresh passwords."""
        return cls(
            cluster=str(cluster),
            owner_password=secrets.token_urlsafe(24),
            app_password=secrets.token_urlsafe(24),
        )

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The stored record, None before the first start. Raises EmbeddedPostgresError for a damaged one."""
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise EmbeddedPostgresError(
                f"{path} is damaged, and without its passwords the database can't be opened: "
                "bring it back from a backup, or set CALLGUARD_DATA_DIR to begin with an empty database."
            ) from error
        return msgspec.structs.replace(stored, cluster=str(path.parent / stored.cluster))

    def write(self, path: Path) -> None:
        """Replace the stored record in one step. Run by root, the file goes to the folder's owner."""
        inside = self.folder.is_relative_to(path.parent)
        cluster = str(self.folder.relative_to(path.parent)) if inside else self.cluster
        stored = msgspec.structs.replace(self, cluster=cluster)
        draft = path.with_suffix(".json.new")
        draft.unlink(missing_ok=True)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            if os.geteuid() == 0:
                parent = path.parent.stat()
                os.fchown(fd, parent.st_uid, parent.st_gid)
            file.write(msgspec.json.format(msgspec.json.encode(stored)) + b"\n")
            file.flush()
            os.fsync(fd)
        draft.replace(path)

    @property
    def folder(self) -> Path:
        """Where the cluster lies."""
        return Path(self.cluster)

    @property
    def log(self) -> Path:
        """Postgres's own log."""
        return self.folder / "server.log"

    @property
    def socket_prefix(self) -> str:
        """How its socket folder's name begins: a copied data folder must not meet the original."""
        return f"callguard-{hashlib.sha256(self.cluster.encode()).hexdigest()[:8]}-"

    @property
    def socket(self) -> Path | None:
        """The Unix socket, None where this cluster has no folder for it yet."""
        folder = Path(self.socket_folder or "")
        return folder / f".s.PGSQL.{PORT}" if folder.name.startswith(self.socket_prefix) else None

    def addresses(self) -> Cluster:
        """The addresses of the database `callguard`."""
        return Cluster(
            owner_dsn=self.dsn(OWNER, self.owner_password, DATABASE),
            app_dsn=self.dsn(APP, self.app_password, DATABASE),
        )

    def dsn(self, user: str, password: str, database: str) -> str:
        """An address for asyncpg and libpq. It names the port, or PGPORT in the environment would decide."""
        host = quote(self.socket_folder or "", safe="/")
        return f"postgresql://{user}:{quote(password, safe='')}@/{database}?host={host}&port={PORT}"
