"""The files of the project, as the conventions look at them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("callguard", "tests", "bench", "training")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control; relative to ROOT."""
    listed = subprocess.run(
        [
            "git",
            "-c",
            f"safe.directory={ROOT}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(path for name in listed.split("\0") if name and (ROOT / (path := Path(name))).is_file())


def modules(*folders: str) -> list[Path]:
    """The Python modules of these top-level folders."""
    return [path for path in tracked() if path.suffix == ".py" and path.parts[0] in folders]


def text(path: Path | str) -> str:
    return (ROOT / path).read_text()


def tree(path: Path | str) -> ast.Module:
    return ast.parse(text(path))


def calls(path: Path, name: str) -> list[int]:
    """The lines on which `name` (as written: `print`, `time.sleep`) is called."""
    found = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return [node.lineno for node in found if ast.unparse(node.func) == name]
