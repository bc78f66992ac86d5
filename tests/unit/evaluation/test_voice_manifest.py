"""Manifests as people write them, and what is said of one that can't be used."""

from pathlib import Path

import pytest

from callguard.errors import ProtocolError
from callguard.evaluation.voice_manifest import read_manifest

HEAD = "path,label,source,speaker\n"
BOTH = "a.wav,human,corpus,anna\nb.wav,synthetic,engine,bot\n"


def manifest(folder: Path, text: str) -> Path:
    path = folder / "set.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_manifest_and_columns_may_stand_anywhere(tmp_path: Path) -> None:
    text = (
        "codec,speaker,label,path,source,more\n"
        "g711,anna,Bonafide,sub/a.wav,corpus,x\n"
        ",bot,spoof,/b.wav,engine,\n"
    )
    human, synthetic = read_manifest(manifest(tmp_path, text))
    assert (human.path, human.is_synthetic, human.codec) == (tmp_path / "sub/a.wav", False, "g711")
    assert (synthetic.path, synthetic.is_synthetic, synthetic.codec) == (Path("/b.wav"), True, None)
    assert [human.number, synthetic.number] == [0, 1]


def test_a_spreadsheets_mark_at_the_beginning_is_no_letter(tmp_path: Path) -> None:
    assert len(read_manifest(manifest(tmp_path, "\ufeff" + HEAD + BOTH))) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks the column path"),
        ("path,label,speaker\n", "lacks the column source"),
        (HEAD, "recordings of both labels"),
        (HEAD + "a.wav,human,corpus,anna\n", "recordings of both labels"),
        (HEAD + BOTH + "c.wav,maybe,corpus,anna\n", "Line 4 of"),
        (HEAD + BOTH + "c.wav,human,,anna\n", "has no source"),
        (HEAD + BOTH + "c.wav\n", "has no label"),
        (HEAD + BOTH + '"c.wav,human\n', "can't be read"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        read_manifest(manifest(tmp_path, text))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00path"])
def test_what_is_no_text_file_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "set.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProtocolError, match="can't be read"):
        read_manifest(path)
