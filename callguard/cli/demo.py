"""`callguard demo`."""

import asyncio
import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callguard.cli.live import LiveTerminal
from callguard.cli.running import run, tell
from callguard.cli.serve import dashboard_address
from callguard.config import Settings, load_settings
from callguard.dashboard.source import DatabaseSnapshots
from callguard.dashboard.wording import signal_words
from callguard.errors import DatabaseError
from callguard.local.demo import ALERT_SECONDS, CallOutcome, Demo, DemoReport, open_demo
from callguard.local.simulation import CallReport
from callguard.trust.logs import set_up_logs

REDRAW_SECONDS = 0.25
NOT_AS_EXPECTED = 1


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the calls, on a terminal too.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON on standard output.")
    ] = False,
) -> None:
    """Play a family's calls on this machine, with no account and no key: a scam, and calls that mean no harm.

    Ends with status 0 only if the scam alerted within 10 s of its keyword and the harmless calls did not.
    """
    settings = load_settings()
    set_up_logs("error" if settings.log_level == "info" else settings.log_level, settings.log_format)
    stays = sys.stdout.isatty() and not once and not json
    report = run(_demo(settings, stays=stays, json=json))
    if not report.passed:
        raise typer.Exit(NOT_AS_EXPECTED)


async def _demo(settings: Settings, *, stays: bool, json: bool) -> DemoReport:
    console = Console(stderr=json)
    tell("Starting the database, the speech recogniser, the stand-in for Twilio and the server…")
    async with open_demo(settings) as demo:
        screen = asyncio.create_task(_show(demo, console))
        try:
            report = await demo.run()
            await asyncio.sleep(2 * REDRAW_SECONDS)  # the last call's end is drawn, too
            if stays:
                await _until_interrupted(console, demo, report)
        finally:
            screen.cancel()
            await asyncio.gather(screen, return_exceptions=True)
    if json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _print_summary(console, demo, report)
    return report


async def _show(demo: Demo, console: Console) -> None:
    services = demo.stage.services
    assert services is not None, "the demo runs its server in this process"
    snapshots = DatabaseSnapshots(services.database)
    with LiveTerminal(console) as terminal:
        while True:
            try:
                terminal.show(await snapshots(), demo.figures, dashboard_address(services))
            except DatabaseError as error:
                tell(str(error))
            await asyncio.sleep(REDRAW_SECONDS)


async def _until_interrupted(console: Console, demo: Demo, report: DemoReport) -> None:
    _print_summary(console, demo, report)
    console.print("The server stays up: look at the dashboard. Ctrl-C ends it.")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


def _print_summary(console: Console, demo: Demo, report: DemoReport) -> None:
    for outcome in report.calls:
        console.print(_summary(outcome), highlight=False, soft_wrap=True)
        for signal, told in outcome.report.voice.items():
            said = f"    {signal_words(signal)}: {told.detail}"
            console.print(said, style="dim", highlight=False, soft_wrap=True, markup=False)
    for name, body in demo.messages():
        console.print(f"{name} got: {body}", highlight=False, soft_wrap=True, markup=False)
    verdict = (
        "All calls were judged as they must be."
        if report.passed
        else "NOT as it must be: see the lines marked ✗."
    )
    console.print(verdict, style="bold green" if report.passed else "bold red")


def _summary(outcome: CallOutcome) -> str:
    report = outcome.report
    mark = "[green]✓[/]" if outcome.as_expected else "[red]✗[/]"
    if not report.alerted:
        return f"{mark} {outcome.scenario}: {report.verdict}, risk {report.risk} of 100, nobody was alarmed"
    elapsed = report.keyword_to_alert_ms
    seconds = f"{elapsed / 1000:.1f} s" if elapsed is not None else "an unknown time"
    return (
        f"{mark} {outcome.scenario}: {report.verdict}, risk {report.risk} of 100, contacts alerted "
        f"{seconds} after the keyword was spoken (at most {ALERT_SECONDS:.0f} s){_on_the_line(report)}"
    )


def _on_the_line(report: CallReport) -> str:
    done = [step.step.replace("_", " ") for step in report.steps if step.state in ("done", "undone")]
    return f"; on the line: {', '.join(done)}" if done else ""
