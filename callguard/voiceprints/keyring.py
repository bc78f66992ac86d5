"""The keys that voiceprints are sealed with: the one in force, and those before it."""

import base64
import re
from typing import Final

from pydantic import SecretStr

from callguard.errors import ConfigurationError
from callguard.trust.keys import KEY_BYTES
from callguard.trust.sealing import Sealer

_ENTRY: Final = re.compile(r"([A-Za-z0-9._-]{1,32}):([A-Za-z0-9_=+/-]+)")


class Keyring:
    """Seals with the first key, opens with any."""

    def __init__(self, sealers: dict[str, Sealer]) -> None:
        self._sealers = sealers
        self.in_force = next(iter(sealers))

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        return self._sealers[self.in_force].seal(plaintext, context)

    def open(self, sealed: bytes, key_id: str, context: bytes) -> bytes:
        """Raises ConfigurationError where the key is not there, SealBroken where it is another one."""
        sealer = self._sealers.get(key_id)
        if sealer is None:
            raise ConfigurationError(
                f"A voiceprint is sealed with the key '{key_id}', which VOICEPRINT_KEY does not hold. "
                "Add it behind the one in force, then run: callguard voiceprints reseal"
            )
        return sealer.open(sealed, context)


def keyring(setting: SecretStr | None) -> Keyring:
    """Of VOICEPRINT_KEY: `id:key`, several with commas between. Raises ConfigurationError."""
    if setting is None:
        raise ConfigurationError(
            "Voices can't be enrolled or compared without VOICEPRINT_KEY. Make one with: "
            "python -c 'import base64,os; print(\"1:\" + base64.urlsafe_b64encode(os.urandom(32)).decode())'"
        )
    sealers: dict[str, Sealer] = {}
    for entry in setting.get_secret_value().split(","):
        match = _ENTRY.fullmatch(entry.strip())
        key = _decoded(match[2]) if match else b""
        if match is None or len(key) != KEY_BYTES or match[1] in sealers:
            raise ConfigurationError(
                "VOICEPRINT_KEY must be NAME:KEY, or several with commas between, the one in force first. "
                "Each has a name of its own and 32 bytes in base64."
            )
        sealers[match[1]] = Sealer(key)
    return Keyring(sealers)


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except ValueError:
        return b""
