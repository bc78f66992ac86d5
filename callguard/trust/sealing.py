"""Sealing of small records with AES-256-GCM (NIST SP 800-38D): a random 96-bit nonce, then the ciphertext."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from callguard.errors import CallguardError

NONCE_BYTES = 12


class SealBroken(CallguardError):
    """The record was made with another key, or was changed."""

    code = "SEAL_BROKEN"


class Sealer:
    """Seals with one key; `context` binds a record to its place, so that a swapped one doesn't open."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises SealBroken for a record that this key and context did not seal."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise SealBroken(
                "A sealed record does not open with this master key. "
                "Set the CALLGUARD_MASTER_KEY it was made with."
            ) from None
