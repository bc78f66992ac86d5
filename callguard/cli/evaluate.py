"""`callguard evaluate`: how well what is shipped does on files of calls. One module a command."""

import typer

from callguard.cli.evaluate_keywords import keywords

evaluate = typer.Typer(help="Measure keywords and judgement on files of calls.", no_args_is_help=True)


@evaluate.callback()
def _root() -> None:
    """Keeps the commands' names, however few there are."""


evaluate.command()(keywords)
