"""`callguard evaluate`: how well callguard judges. One module a command."""

import typer

from callguard.cli.evaluate_feedback import feedback
from callguard.cli.evaluate_keywords import keywords
from callguard.cli.evaluate_speaker import speaker
from callguard.cli.evaluate_text import text
from callguard.cli.evaluate_voice import voice

evaluate = typer.Typer(help="Measure how well calls are judged.", no_args_is_help=True)
for command in (text, keywords, feedback, speaker, voice):
    evaluate.command()(command)


@evaluate.callback()
def _root() -> None:
    """Keeps the names of the commands, even of a single one."""
