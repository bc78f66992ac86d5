"""What may be quoted of a call: words alone, since a number or a link in them would be the caller's."""

import re

from callguard.domain import sms

LONGEST, SHORTEST = 90, 12
_NO_WORD = re.compile(r"\d|[@/\\:=]|\.\S|^\.")
_ENDS = " .,;:!?-'"


def bare(spoken: str, mark: str = "…") -> str:
    """Spoken words without numbers, links and addresses; `mark` stands for what was left out."""
    kept: list[str] = []
    for word in spoken.split():
        if not _NO_WORD.search(word):
            kept.append(word)
        elif kept[-1:] != [mark]:
            kept.append(mark)
    return " ".join(kept)


def quotable(spoken: str) -> str:
    """The same in GSM-7 for a message, LONGEST characters at the most; empty where little is left of it."""
    words = bare(sms.plain(spoken), "...").replace('"', "'").split()
    kept = [word for word in words if sms.fits_gsm_7(word)]
    while len(" ".join(kept)) > LONGEST:
        kept.pop()
    text = " ".join(kept).strip(_ENDS)
    return text if sum(c.isalpha() for c in text) >= SHORTEST else ""
