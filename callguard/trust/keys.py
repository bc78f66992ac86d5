"""The installation's own secrets, and the keys derived from its master key.

`secrets.json` in the data folder holds what the environment does not give. One master key serves many
purposes through HKDF (RFC 5869), so that a key for one purpose says nothing about another's.
"""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from callguard.config import Settings
from callguard.errors import ConfigurationError

KEY_BYTES = 32
FILE_NAME = "secrets.json"


class _Kept(msgspec.Struct, frozen=True):
    master_key: str
    dashboard_key: str
    local_twilio_account_sid: str
    local_twilio_auth_token: str


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Secrets of one installation. `fresh` is True when the master key was made just now."""

    master: bytes
    dashboard: str
    twilio_account_sid: str
    twilio_auth_token: str
    path: Path
    fresh: bool

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(
            self.master
        )


def load_keys(settings: Settings) -> Keys:
    """The environment's secrets where given, else those kept in (or now written to) the data folder.

    Raises:
        ConfigurationError: the master key is not 32 bytes of base64url, or the file can't be read or written.

    """
    path = settings.data_dir / FILE_NAME
    kept, fresh = _kept(path)
    master = settings.master_key.get_secret_value() if settings.master_key else kept.master_key
    token = settings.twilio_auth_token
    return Keys(
        master=_decode_master(master),
        dashboard=settings.dashboard_key.get_secret_value() if settings.dashboard_key else kept.dashboard_key,
        twilio_account_sid=settings.twilio_account_sid or kept.local_twilio_account_sid,
        twilio_auth_token=token.get_secret_value() if token else kept.local_twilio_auth_token,
        path=path,
        fresh=fresh and settings.master_key is None,
    )


def _decode_master(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            "CALLGUARD_MASTER_KEY must be 32 bytes in base64url. Make one with: "
            "python -c 'import base64,os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
        )
    return key


def _kept(path: Path) -> tuple[_Kept, bool]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        if fresh:
            _write_once(path)
        return msgspec.json.decode(path.read_bytes(), type=_Kept), fresh
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The secrets file {path} can't be used ({type(error).__name__}). "
            "Make its folder writable, set CALLGUARD_DATA_DIR, or restore the file from a backup."
        ) from error


def _write_once(path: Path) -> None:
    """Two processes that start at once end up with the same file: the link fails for the second."""
    content = _Kept(
        master_key=base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode(),
        dashboard_key=secrets.token_urlsafe(24),
        local_twilio_account_sid=f"AC{secrets.token_hex(16)}",
        local_twilio_auth_token=secrets.token_hex(16),
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content)))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
