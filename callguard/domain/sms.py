"""What a text message can carry: 306 characters of GSM-7 (3GPP TS 23.038) in two segments, or 134 others."""

import unicodedata

MOST_GSM_7 = 306
# One place less than 134: a segment does not end within a pair of surrogates.
MOST_UCS_2 = 133

_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Letters that Unicode does not take apart, typographic signs, and the selector that follows an emoji.
_PLAINER = str.maketrans("łŁđĐðÐı’‘‐–", "lLdDdDi''--", "\ufe0f") | str.maketrans(
    {"þ": "th", "Þ": "Th", "œ": "oe", "Œ": "OE"}
)


def fits_gsm_7(text: str) -> bool:
    """Whether each character is one of GSM-7's, and one place wide."""
    return _GSM_7.issuperset(text)


def plain_name(name: str) -> str:
    """A name in letters and digits alone, in GSM-7 where its script bears it: no link or emoji is left."""
    composed = unicodedata.normalize("NFC", name.translate(_PLAINER))
    letters = " ".join("".join(c if _in_names(c) else " " for c in composed).split())
    spelled = plain(letters)
    return spelled if fits_gsm_7(spelled) else letters


def plain(text: str) -> str:
    """The text without the accents and typographic signs that GSM-7 doesn't have."""
    return "".join(c if c in _GSM_7 else _without_marks(c) for c in text.translate(_PLAINER))


def clip(text: str, units: int) -> str:
    """As much of the text as `units` UTF-16 code units hold."""
    return text.encode("utf-16-be")[: 2 * units].decode("utf-16-be", "ignore").rstrip()


def units(text: str) -> int:
    """How many UTF-16 code units the text takes."""
    return len(text.encode("utf-16-be")) // 2


def _in_names(character: str) -> bool:
    return character.isalnum() or character in "'-" or unicodedata.category(character) in {"Mn", "Mc"}


def _without_marks(character: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
