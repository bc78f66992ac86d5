"""`callguard explain`: why a call was judged as it was, from what is stored."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from callguard.cli.database import opened_database
from callguard.cli.running import printable, run
from callguard.config import load_settings
from callguard.dashboard import wording
from callguard.domain.caller import spoken_number
from callguard.errors import CallUnknown
from callguard.evidence.story import Story, ToldVerdict, story_of


def explain(
    call_sid: Annotated[str, typer.Argument(metavar="CALL_SID", help="SID of the call, or of a leg of it.")],
    as_json: Annotated[bool, typer.Option("--json", help="All of it, every verdict, as JSON.")] = False,
) -> None:
    """Print the whole story of a verdict: what was said and when, what each signal brought, by which
    versions, who was told and what they answered.
    """
    story = run(_story(call_sid))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(story), indent=2).decode())
        return
    for line in _lines(story):
        print(printable(line))


async def _story(call_sid: str) -> Story:
    async with opened_database(load_settings()) as database:
        story = await story_of(database, call_sid)
    if story is None:
        raise CallUnknown("No call with this SID is stored. The dashboard and Twilio's console show SIDs.")
    return story


def _lines(story: Story) -> Iterator[str]:
    yield f"Call {story.call_sid}"
    yield f"  {spoken_number(story.caller)} called {story.person} at {story.started_at:%Y-%m-%d %H:%M:%S %Z}"
    yield f"  {wording.attestation_words(story.stir_verstat)}"
    yield f"  language: {wording.language_words(story.language, story.language_switched_from)}"
    yield f"  keywords: {', '.join(story.keywords) or 'none'}"
    yield ""
    yield "What was said"
    for turn in story.turns:
        yield f"  {_clock(turn.at)}  {turn.speaker}: {turn.text}"
    yield ""
    yield "Verdicts"
    for verdict in story.verdicts:
        yield f"  {_verdict_line(verdict)}"
    if story.verdicts:
        yield from _explanation(story)
    else:
        yield "  none: the call was not judged"
    yield ""
    yield "Who was told"
    for alert in story.alerts:
        reason = f" ({alert.reason})" if alert.reason else ""
        channel = wording.channel_words(alert.channel)
        yield f"  {_clock(alert.at)}  {alert.level} to {alert.contact} by {channel}: {alert.status}{reason}"
    for answer in story.answers:
        yield f"  {_clock(answer.at)}  {answer.contact} answered: {answer.action or 'has read it'}"
    for step in story.steps:
        what = f"{step.step} {step.wording or ''}".strip()
        yield f"  {_clock(step.at)}  on the line: {what}, asked for by {step.asked_by}: {step.state}"
    if not (story.alerts or story.answers or story.steps):
        yield "  nobody"


def _verdict_line(verdict: ToldVerdict) -> str:
    line = f"{_clock(verdict.at)}  {verdict.risk} of 100, {verdict.verdict}"
    if verdict.answer:
        line += f"; a person answered: {verdict.answer}"
    if verdict.measured not in (None, verdict.risk):
        line += f"; measured {verdict.measured}"
    return line


def _explanation(story: Story) -> Iterator[str]:
    """Of the verdict that stands, by the newest row that measured it."""
    last = story.verdicts[-1]
    found = [v for v in story.verdicts if v.risk == last.risk and v.measured == v.risk]
    verdict = found[-1] if found else last
    yield ""
    yield f"What makes it {verdict.risk}, as measured at {_clock(verdict.at).strip()}"
    yield f"  {verdict.explanation}"
    for signal in verdict.signals:
        points = f"{signal.get('points', 0):+4d}" if signal["state"] == "measured" else "   -"
        state = "" if signal["state"] == "measured" else f" ({signal['state']})"
        yield f"  {points}  {wording.signal_words(signal['signal'])}{state}: {signal['detail']}"
    for quotation in verdict.quotations:
        yield f"        “{quotation}”"
    told = (f"{name} {version or 'none'}" for name, version in sorted(verdict.versions.items()))
    yield f"  versions: {', '.join(told) or 'not stored'}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:3d}:{int(seconds) % 60:02d}"
