"""Digits that people read out (cards, codes, telephone numbers) become a placeholder before words leave.
Pure.

Recognisers write '4 7 1 1', '4711', 'four seven one one' and 'forty-seven eleven' for the same breath, and
people change languages in mid-sentence: words of all five are known at once.
"""

import re
from collections.abc import Sequence
from typing import Final

from callguard.domain.words import normalise

DIGITS: Final = "[digits]"
LEAST: Final = 3
"""A run of this many digits is masked: the number on the back of a card has three."""

_ONE_DIGIT = """
    zero oh one two three four five six seven eight nine
    cero uno una dos tres cuatro cinco seis siete ocho nueve
    zero un une deux trois quatre cinq six sept huit neuf
    null eins ein eine zwei zwo drei vier fünf sechs sieben acht neun
    um uma dois duas três quatro sete oito nove meia
"""
_TWO_DIGITS = """
    ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
    twenty thirty forty fifty sixty seventy eighty ninety hundred
    diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve
    veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho
    veintinueve treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento
    dix onze douze treize quatorze quinze seize vingt vingts trente quarante cinquante soixante
    septante huitante octante nonante cent cents
    zehn elf zwölf hundert
    dez doze treze quatorze catorze dezasseis dezesseis dezassete dezessete dezoito dezanove dezenove
    vinte trinta quarenta cinquenta sessenta setenta oitenta noventa cem cento
"""
# Three digits in one word: 'trescientos', 'duzentas'.
_HUNDREDS = """
    doscientos doscientas trescientos trescientas cuatrocientos cuatrocientas quinientos quinientas
    seiscientos seiscientas setecientos setecientas ochocientos ochocientas novecientos novecientas
    duzentos duzentas trezentos trezentas quatrocentos quatrocentas quinhentos quinhentas seiscentos
    seiscentas setecentos setecentas oitocentos oitocentas novecentos novecentas
"""
# What people say between digits without ending the run.
_BETWEEN = """
    and y e et und dash hyphen point dot slash space then
    double triple treble doble guion guión espacio doppel strich tiret espace hífen traço duplo
    uh um erm er eh ah este euh ben äh ähm hm hmm mm ok okay yes to too for ate won
"""
# Articles and sighs too: a run of these alone is no number.
_WEAK = frozenset(["oh", "um", "uma", "un", "une", "una", "ein", "eine", "meia"])

_WORTH = (
    dict.fromkeys(normalise(_ONE_DIGIT).split(), 1)
    | dict.fromkeys(normalise(_TWO_DIGITS).split(), 2)
    | dict.fromkeys(normalise(_HUNDREDS).split(), 3)
)
_LINKS = frozenset(normalise(_BETWEEN).split()) - _WORTH.keys()
# German writes a number below a hundred as one word, and with the hundreds before it too.
_UNITS = "ein|zwei|zwo|drei|vier|funf|sechs|sieben|acht|neun"
_TENS = "zwanzig|dreissig|vierzig|funfzig|sechzig|siebzig|achtzig|neunzig"
_TEENS = "dreizehn|vierzehn|funfzehn|sechzehn|siebzehn|achtzehn|neunzehn"
_GERMAN = re.compile(
    rf"(?P<hundreds>(?:{_UNITS})?hundert)?"
    rf"(?:(?:(?:{_UNITS})und)?(?:{_TENS})|{_TEENS}|(?:{_UNITS})s?|zehn|elf|zwolf)?"
)


def mask_digits(text: str) -> str:
    """The words on one line, with each run of LEAST digits or more, however they were said, as one
    placeholder.

    A turn that says nothing but a number is masked however short it is: codes are read out piece by piece.
    Amounts go too where they are long enough: what is asked for matters to a judge, how much of it does not.
    """
    spoken = text.split()
    if all(_digits_in(word) or _links(word) for word in spoken) and any(map(_is_number, spoken)):
        return DIGITS
    kept: list[str] = []
    start = 0
    while start < len(spoken):
        end = _end_of_run(spoken, start)
        if end > start:
            kept.append(DIGITS)
            start = end
        else:
            kept.append(spoken[start])
            start += 1
    return " ".join(kept)


def _end_of_run(spoken: Sequence[str], start: int) -> int:
    """Behind the last word of the digits that begin at `start`; `start` where there are too few."""
    digits, end, is_number = 0, start, False
    for position in range(start, len(spoken)):
        worth = _digits_in(spoken[position])
        if worth:
            digits, end = digits + worth, position + 1
            is_number = is_number or _is_number(spoken[position])
        elif position == start or not _links(spoken[position]):
            break
    return end if is_number and digits >= LEAST else start


def _digits_in(word: str) -> int:
    """How many digits a word stands for; 0 for a word that is no number."""
    written = sum(c.isdigit() for c in word)
    if written:
        return written
    parts = normalise(word.replace("-", " ")).split()
    worth = [_WORTH.get(part) or _german(part) for part in parts]
    return sum(worth) if all(worth) else 0


def _is_number(word: str) -> bool:
    return _digits_in(word) > 0 and normalise(word) not in _WEAK


def _german(word: str) -> int:
    match = _GERMAN.fullmatch(word)
    if match is None or not word:
        return 0
    return 3 if match["hundreds"] else 2


def _links(word: str) -> bool:
    plain = normalise(word)
    return not plain or plain in _LINKS
