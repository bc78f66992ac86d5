"""Spoken words in the one form in which they are compared: keyword phrases, transcripts and quotations alike.

The form is plain ASCII: words of a-z and 0-9 with one space between. In the database a phrase occurs in words
as `strpos(' ' || words || ' ', ' ' || phrase || ' ') > 0`; `contains` is the same test here.
"""

import re
import unicodedata

_APOSTROPHES = "'`´‘’‛ʹʼ′＇"

# Letters of other scripts that are drawn like Latin ones: who writes them means us to read the Latin word.
# From the confusables of Unicode Technical Standard 39, the Cyrillic and Greek ones that occur in words.
_LOOK_ALIKE = (
    ("аеорсухіјѕһԁԛԝӏкмтвнгѵ", "aeopcyxijshdqwlkmtbhrv"),
    ("АВЕКМНОРСТУХІЈЅԚԜѴӀ", "ABEKMHOPCTYXIJSQWVI"),
    ("αβγεηικμνορτυχω", "abyenikuvoptuxw"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
)
# Latin letters that Unicode doesn't take apart into a base letter and a mark.
_LIGATURES = {"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "ı": "i", "đ": "d", "Đ": "d"}  # fmt: skip # noqa: E501

_DROP_APOSTROPHES = dict.fromkeys(map(ord, _APOSTROPHES))
_TO_LATIN = _DROP_APOSTROPHES | str.maketrans(_LIGATURES)
for _foreign, _latin in _LOOK_ALIKE:
    _TO_LATIN |= str.maketrans(_foreign, _latin)

_UNSEEN_CATEGORIES = frozenset({"Mn", "Me", "Cf"})  # accents, enclosing marks, zero-width characters
_UNSEEN_LETTERS = frozenset("\u115f\u1160")  # Hangul fillers: letters by category, drawn as nothing
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_SPELLED = re.compile(r"\b[a-z](?: [a-z]\b){2,}")


def normalise(text: str) -> str:
    """The words of `text`: lower case, without accents, apostrophes and invisible characters, spaces single.

    Compatibility forms (full width, ligatures) and Cyrillic and Greek look-alikes become Latin letters; what
    is left that isn't a-z or 0-9 separates words. Three or more single letters in a row are a word spelled
    out ('I.R.S.', 'g i f t') and are joined. Normalising twice changes nothing.
    """
    text = text.translate(_DROP_APOSTROPHES)
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        seen = "".join(c for c in decomposed if c not in _UNSEEN_LETTERS and not _unseen(c))
        text = seen.translate(_TO_LATIN).casefold()
    return _SPELLED.sub(_join, _NOT_A_WORD.sub(" ", text.lower()).strip())


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN_CATEGORIES


def _join(spelled: re.Match[str]) -> str:
    letters = spelled[0].replace(" ", "")
    return letters if len(set(letters)) > 1 else spelled[0]  # 'i i i think' is a stammer


def contains(words: str, phrase: str) -> bool:
    """Whether the normalised `phrase` occurs in the normalised `words`; an empty one never does."""
    return bool(phrase) and f" {phrase} " in f" {words} "


def head(text: str, words: int = 12) -> str:
    """The first words of `text`, single-spaced."""
    return " ".join(text.split()[:words])


def tail(text: str, words: int = 12) -> str:
    """The last words of `text`, single-spaced."""
    return " ".join(text.split()[-words:]) if words > 0 else ""
