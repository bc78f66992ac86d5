"""Nothing in the tree names a machine it was written on, or a person."""

import re
from pathlib import Path

from tests.conventions.project import ROOT, tracked

# A folder of some machine's user or workspace; a setting of some machine's package index.
_MACHINE = re.compile(
    r"(?<![\w.~/-])/(?:home|root|Users|work|workspace|mnt)/\w"
    r"|[A-Z]:\\Users\\"
    r"|--(?:extra-)?index-ur[l]|--trusted-hos[t]|PIP_INDEX_UR[L]"
)
_NUMBER = re.compile(r"\+\d{10,15}\b")
# Set aside for fiction: by NANPA (555-01xx, here of area 202) and by Ofcom (020 7946 0xxx).
_FICTION = re.compile(r"\+120255501\d\d|\+442079460\d{3}")
# RESTRICTED and UNAVAILABLE on a keypad: what stands for a number that was withheld.
_WITHHELD = {"+7378742833", "+86282452253"}


def texts() -> dict[Path, str]:
    found = {}
    for path in tracked():
        if "vendor" in path.parts:
            continue
        try:
            found[path] = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue  # audio and pictures
    return found


def test_no_file_names_a_machine() -> None:
    named = {str(path): match[0] for path, text in texts().items() if (match := _MACHINE.search(text))}

    assert named == {}


def test_phone_numbers_are_fictional() -> None:
    real = {
        (str(path), number)
        for path, text in texts().items()
        for number in _NUMBER.findall(text)
        if number not in _WITHHELD and not _FICTION.fullmatch(number)
    }

    assert real == set()


def test_there_are_files_to_look_at() -> None:
    assert Path("README.md") in texts()
    assert any(_NUMBER.search(text) for text in texts().values())
