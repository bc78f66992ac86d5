"""`callguard evaluate`: how well callguard judges."""

import typer

from callguard.cli.evaluate_feedback import feedback
from callguard.cli.evaluate_text import text

evaluate = typer.Typer(help="Measure how well calls are judged.", no_args_is_help=True)
for command in (text, feedback):
    evaluate.command()(command)


@evaluate.callback()
def _root() -> None:
    """Keeps the names of the commands, even of a single one."""
