"""What stands at the top of the tree, and that the doors named there open."""

import re
import shlex

import pytest
import typer.main
from typer.core import TyperGroup

from callguard.cli.main import app
from tests.conventions.project import ROOT, text, tracked

TOP = {
    *(
        ".ci",
        ".dockerignore",
        ".env.example",
        ".gitignore",
        "bench",
        "callguard",
        "compose.yaml",
        "Dockerfile",
        "docs",
    ),
    *("LICENSE", "Makefile", "Procfile", "pyproject.toml", "README.md", "sql", "tests", "training"),
    "twiml_templates",
}
REQUIRED = {
    ".ci/run",
    ".env.example",
    "Makefile",
    "Procfile",
    "README.md",
    "pyproject.toml",
    "docs/architecture.md",
}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*)(?: [\w -]+)?:(?!=)", text("Makefile"), re.MULTILINE)) | {
        name
        for several in re.findall(r"^((?:[a-z][\w-]* )+[a-z][\w-]*):(?!=)", text("Makefile"), re.MULTILINE)
        for name in several.split()
    }


def readme_commands() -> list[str]:
    """The lines of the README's first code block, without their remarks."""
    block = re.search(r"^```\w*\n(.*?)^```", text("README.md"), re.MULTILINE | re.DOTALL)
    assert block is not None, "README.md must begin with a code block that holds its two commands"
    return [line.split("#")[0].strip() for line in block[1].splitlines()]


def test_the_top_level_holds_what_belongs_there() -> None:
    assert {path.parts[0] for path in tracked()} - TOP == set()
    assert {str(path) for path in tracked()} >= REQUIRED


def test_the_readmes_two_commands_are_the_makefiles() -> None:
    assert readme_commands() == ["make demo", "make test"]
    assert {command.removeprefix("make ") for command in readme_commands()} <= targets()


def test_the_readmes_commands_stand_at_its_top() -> None:
    assert text("README.md").index("```") < 400


def test_continuous_integration_runs_what_people_run() -> None:
    run = ROOT / ".ci" / "run"

    assert "make test" in [line.strip() for line in text(".ci/run").splitlines()]
    assert run.stat().st_mode & 0o111, ".ci/run must be executable"


def test_make_demo_and_make_test_set_up_what_they_need() -> None:
    rules = dict(re.findall(r"^([\w -]+):(?!=) *(.*)$", text("Makefile"), re.MULTILINE))

    assert "setup" in rules["demo"].split()
    needed, seen = ["test"], set()
    while needed:
        name = needed.pop()
        seen.add(name)
        needed += [more for more in rules.get(name, "").split() if more in rules and more not in seen]
    assert "setup-dev" in seen


@pytest.mark.parametrize("process", ["web", "release"])
def test_the_procfiles_commands_exist(process: str) -> None:
    commands = dict(line.split(": ", 1) for line in text("Procfile").splitlines())
    program, name, *arguments = shlex.split(commands[process])
    group = typer.main.get_command(app)

    assert program == "callguard"
    assert isinstance(group, TyperGroup)
    known = {option for parameter in group.commands[name].params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= known


def test_the_procfile_names_no_other_process() -> None:
    assert {line.split(":")[0] for line in text("Procfile").splitlines()} == {"web", "release"}
