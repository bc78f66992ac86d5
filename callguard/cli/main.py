"""`callguard`: the commands, and how their errors are told."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from callguard.cli.app_link import app_link
from callguard.cli.backtest import backtest
from callguard.cli.batch import batch
from callguard.cli.check import check
from callguard.cli.demo import demo
from callguard.cli.enroll import enroll
from callguard.cli.evaluate import evaluate
from callguard.cli.explain import explain
from callguard.cli.features import features
from callguard.cli.invite import invite
from callguard.cli.keywords import keywords
from callguard.cli.llm import llm
from callguard.cli.memory import memory
from callguard.cli.migrate import migrate
from callguard.cli.people import people
from callguard.cli.score import score
from callguard.cli.serve import serve
from callguard.cli.simulate import simulate
from callguard.cli.stream import stream
from callguard.cli.validate import validate
from callguard.cli.verify import verify
from callguard.cli.voiceprints import voiceprints
from callguard.errors import CallguardError

FAILED, UNUSABLE = 1, 2

app = typer.Typer(
    help="Listens in on a vulnerable person's phone calls for them, and gets help while the scammer talks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo, serve, simulate, migrate, invite, app_link, check, explain, backtest,
    batch, features, score, stream, validate, enroll, verify,
):  # fmt: skip
    app.command()(command)
app.add_typer(people, name="people")
app.add_typer(keywords, name="keywords")
app.add_typer(llm, name="llm")
app.add_typer(memory, name="memory")
app.add_typer(voiceprints, name="voiceprints")
app.add_typer(evaluate, name="evaluate")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"callguard {version('callguard')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Options of callguard itself."""


def main() -> None:
    """Runs a command; an error of ours becomes one line on standard error and exit status 2."""
    try:
        app()
    except CallguardError as error:
        print(f"callguard: {error}", file=sys.stderr)
        sys.exit(UNUSABLE)
