"""`callguard evaluate`: how well callguard judges."""

import typer

from callguard.cli.evaluate_feedback import feedback

evaluate = typer.Typer(help="Measure how well calls are judged.", no_args_is_help=True)
evaluate.command()(feedback)


@evaluate.callback()
def _root() -> None:
    """Keeps the names of the commands, even of a single one."""
