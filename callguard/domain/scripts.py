"""A fingerprint of what a caller says, by which the same script is known again without its words.

MinHash (Broder 1997): of each shingle of neighbouring words a keyed function gives HASHES numbers, and the
least of each over all shingles are kept. The share in which two fingerprints agree estimates the Jaccard
similarity of their shingles. Without the key nobody can tell from a fingerprint whether words were said.
"""

import hashlib
import re
from collections.abc import Collection, Iterable

import numpy as np

from callguard.domain.transcript import Speaker, Utterance
from callguard.domain.words import normalise

LEAST_WORDS = 40
"""Below this, two calls that only begin alike would be taken for one script."""
SHINGLE_WORDS = 2
HASHES = 128
SAME_SCRIPT = 0.3
"""Estimated similarity from which two calls are one script; `python -m training.script_links` measures it."""
ROWS_OF_BAND = 2  # finds 997 of 1 000 pairs that are as similar as that

_BLANK = "_"
_NAME = "@"
# What a name follows, as `normalise` leaves it: English, Spanish, French, German, Portuguese.
_INTRODUCES = re.compile(
    r"\b(name is|my names|this is|mr|mrs|ms|miss|officer|agent|me llamo|mi nombre es|soy|senor|senora|"
    r"je m appelle|je mappelle|mon nom est|monsieur|madame|mein name ist|ich heisse|herr|frau|"
    r"meu nome e|me chamo|chamo me|senhor|senhora) ([a-z]+)\b"
)
_DIGITS = re.compile(r"[a-z]*\d[a-z\d]*")


def words_of_caller(utterances: Iterable[Utterance]) -> str:
    """All finals of the caller as one text; partials may still change."""
    return " ".join(u.text for u in utterances if u.speaker is Speaker.CALLER and u.is_final)


def blunted(text: str, names: Collection[str] = ()) -> list[str]:
    """The words of `text` that a script repeats: digits become one blank, and names, `names` and those that
    somebody is introduced by, one mark.
    """
    known = {word for name in names for word in normalise(name).split()}
    words = _INTRODUCES.sub(rf"\1 {_NAME}", normalise(text)).split()
    kept: list[str] = []
    for word in words:
        blunt = _BLANK if _DIGITS.fullmatch(word) else _NAME if word in known else word
        if blunt in (_BLANK, _NAME) and kept[-1:] == [blunt]:
            continue  # a number read out in groups, a first and a last name
        kept.append(blunt)
    return kept


def fingerprint(key: bytes, text: str, names: Collection[str] = ()) -> bytes | None:
    """HASHES numbers of 32 bits, little-endian; None where too little was said to know a script by.

    Each shingle's numbers are SHAKE128 of the key and the shingle, which stand in for independent keyed
    permutations.
    """
    words = blunted(text, names)
    if len(words) < LEAST_WORDS:
        return None
    shingles = {
        " ".join(words[start : start + SHINGLE_WORDS]) for start in range(len(words) - SHINGLE_WORDS + 1)
    }
    numbers = b"".join(hashlib.shake_128(key + s.encode()).digest(4 * HASHES) for s in shingles)
    return bytes(np.frombuffer(numbers, "<u4").reshape(-1, HASHES).min(axis=0).tobytes())


def similarity(one: bytes, other: bytes) -> float:
    """0-1: the estimated Jaccard similarity of the shingles behind two fingerprints, made alike."""
    if len(one) != len(other):
        return 0.0
    return float(np.mean(np.frombuffer(one, "<u4") == np.frombuffer(other, "<u4")))


def bands(print_: bytes) -> list[int]:
    """Numbers of 64 bits, signed, of which two fingerprints of one script share at least one, and others
    seldom do: the index by which likely matches are found (Indyk and Motwani 1998).
    """
    size = 4 * ROWS_OF_BAND
    return [
        int.from_bytes(
            hashlib.blake2b(print_[at : at + size], digest_size=8, salt=at.to_bytes(8)).digest(), signed=True
        )
        for at in range(0, len(print_), size)
    ]
