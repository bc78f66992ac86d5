"""Words cut into the likeliest pieces of a vocabulary (unigram language model: Kudo, 2018)."""

import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import inf

MOST_CHARACTERS = 64
"""Longer words are cut into parts of this length first: they are no words."""
_WORDS_KEPT = 10_000
_START = "▁"
_PENALTY = 10.0


class Tokenizer:
    """Cuts text into pieces. `scores` are the pieces' log probabilities, in the order of their numbers from
    `first` on; a character that no piece holds becomes `unknown`. Safe to share between threads.
    """

    def __init__(self, scores: Mapping[str, float], *, first: int, unknown: int) -> None:
        self._pieces = {piece: (first + index, score) for index, (piece, score) in enumerate(scores.items())}
        self._longest = max(map(len, scores))
        self._unknown = unknown
        self._unknown_score = min(scores.values()) - _PENALTY
        self._cut = lru_cache(maxsize=_WORDS_KEPT)(self._likeliest)

    def __call__(self, text: str) -> list[int]:
        """The numbers of the text's pieces, in order; letters' case does not matter."""
        return [piece for word in _words(text) for piece in self._cut(word)]

    def _likeliest(self, word: str) -> tuple[int, ...]:
        """The cut with the highest sum of scores, by Viterbi's algorithm."""
        marked = _START + word
        best = [0.0] + [-inf] * len(marked)
        came: list[tuple[int, int]] = [(0, 0)] * (len(marked) + 1)
        for start in range(len(marked)):
            for end in range(start + 1, min(len(marked), start + self._longest) + 1):
                piece = self._pieces.get(marked[start:end])
                if piece is not None and best[start] + piece[1] > best[end]:
                    best[end], came[end] = best[start] + piece[1], (start, piece[0])
            if best[start] + self._unknown_score > best[start + 1]:
                best[start + 1], came[start + 1] = best[start] + self._unknown_score, (start, self._unknown)
        pieces = []
        end = len(marked)
        while end:
            end, number = came[end]
            pieces.append(number)
        return tuple(reversed(pieces))


def _words(text: str) -> Iterator[str]:
    for word in unicodedata.normalize("NFKC", text.lower()).split():
        for start in range(0, len(word), MOST_CHARACTERS):
            yield word[start : start + MOST_CHARACTERS]
