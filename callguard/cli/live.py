"""The calls on a terminal while they happen; without a terminal, a line for each thing that happens."""

from collections.abc import Hashable, Iterator, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from callguard.cli.running import printable
from callguard.dashboard import wording
from callguard.dashboard.marking import MarkedTurn, Run, marked_turns
from callguard.dashboard.snapshot import LiveAlert, LiveCall, LiveStep, Snapshot
from callguard.domain.caller import spoken_number
from callguard.domain.signals import SignalName
from callguard.domain.transcript import Speaker

_TURNS_SHOWN = 8
_BAR_CELLS = 40
_COLOURS = {
    "safe": "green",
    "unsure": "yellow",
    "suspect": "dark_orange",
    "scam": "red",
    "open": "bright_black",
}


class LiveTerminal:
    """Shows each snapshot it is given, in place on a terminal, and as lines elsewhere.

    >>> with LiveTerminal(Console()) as terminal:
    ...     terminal.show(snapshot, figures={}, address="http://127.0.0.1:8000/dashboard?key=…")
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._printed: set[Hashable] = set()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, snapshot: Snapshot, figures: Mapping[str, float], address: str) -> None:
        """Puts `snapshot` on show, with the dashboard's `address`.

        `figures` holds, by call sid and where known, the milliseconds from spoken keyword to first alert.
        """
        if self._live is not None:
            self._live.update(self._screen(snapshot, figures, address), refresh=True)
        else:
            self._print_news(snapshot, figures, address)

    def _screen(self, snapshot: Snapshot, figures: Mapping[str, float], address: str) -> RenderableType:
        """As many calls as the terminal is high for, and always the way to the others."""
        footer = Text.assemble(("Dashboard: ", "dim"), (address, "bold"), overflow="fold")
        shown: list[RenderableType] = []
        room = self._console.height - self._height(footer) - 2
        for call in snapshot.calls:
            panel = _panel(call, figures.get(call.call_sid))
            room -= self._height(panel)
            if room < 0 and shown:
                break
            shown.append(panel)
        hidden = len(snapshot.calls) - len(shown)
        if not shown:
            shown.append(Text("Waiting for a call…", style="dim"))
        elif hidden:
            shown.append(Text(f"… and {hidden} more on the dashboard", style="dim"))
        return Group(*shown, footer)

    def _height(self, part: RenderableType) -> int:
        return len(self._console.render_lines(part))

    def _print_news(self, snapshot: Snapshot, figures: Mapping[str, float], address: str) -> None:
        lines: dict[Hashable, str] = {address: f"Dashboard: {address}"}
        for call in reversed(snapshot.calls):
            who = f"{printable(call.person_name)} <- {spoken_number(call.caller)}"
            lines |= {(call.call_sid, *fact): f"{who} | {line}" for fact, line in _facts(call, figures)}
        for fact, line in lines.items():
            if fact not in self._printed:
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._printed = set(lines)


def _facts(call: LiveCall, figures: Mapping[str, float]) -> Iterator[tuple[tuple[Hashable, ...], str]]:
    """What there is to say about a call, each under a name that stays the same while it is the same fact."""
    yield ("began",), f"call began. {wording.attestation_words(call.attestation)}"
    for utterance in call.transcript:
        if utterance.is_final:
            speaker = _speaker(utterance.speaker, call)
            yield (utterance.sequence, utterance.text), f"{speaker}: {printable(utterance.text)}"
    for keyword in call.keywords:
        yield ("keyword", keyword), f"keyword heard: {printable(keyword)}"
    yield from _circumstances(call)
    if call.contributions:
        verdict = wording.verdict_words(call)
        yield ("risk", call.risk, call.verdict), f"risk {call.risk} of 100: {verdict.label}"
    for alert in call.alerts:
        yield (alert.id, alert.status), _alert_line(alert)
    for step in call.steps:
        yield (step.id, step.state), _step_line(step)
    if call.call_sid in figures:
        yield ("figure",), _figure_line(figures[call.call_sid])
    if call.ended_at is not None:
        yield ("ended",), "call ended"


def _circumstances(call: LiveCall) -> Iterator[tuple[tuple[Hashable, ...], str]]:
    if call.language_switched_from is not None:
        heard = wording.language_words(call.language, call.language_switched_from)
        yield ("language", call.language), f"heard in {heard}"
    if call.degraded is not None:
        yield ("degraded", call.degraded), f"listening is degraded. {call.degraded}"


def _panel(call: LiveCall, keyword_to_alert_ms: float | None) -> Panel:
    verdict = wording.verdict_words(call)
    colour = _COLOURS[verdict.tone]
    rows: list[Text] = []
    if call.ended_at is None:
        rows.append(Text(wording.attestation_words(call.attestation), style="dim"))
        turns = marked_turns(call.transcript, call.keywords)
        rows += [_turn(turn, call) for turn in turns[-_TURNS_SHOWN:]]
    if call.language_switched_from is not None:
        heard = wording.language_words(call.language, call.language_switched_from)
        rows.append(Text(f"Heard in {heard}", style="dim"))
    if call.degraded is not None:
        rows.append(Text(f"! {call.degraded}", style="bold yellow"))
    rows.append(_risk(call, verdict, colour))
    rows += [Text(printable(line), style=style) for line, style in _reasons(call)]
    rows += [Text(f"→ {_alert_line(alert)}", style="bold") for alert in call.alerts]
    rows += [Text(f"→ {_step_line(step)}", style="bold") for step in call.steps]
    if keyword_to_alert_ms is not None:
        rows.append(Text(_figure_line(keyword_to_alert_ms), style="bold green"))
    title = Text(f"{printable(call.person_name)} ← {spoken_number(call.caller)}", style="bold")
    seconds = ((call.ended_at or call.started_at) - call.started_at).total_seconds()
    state = Text("live" if call.ended_at is None else f"ended after {seconds:.0f} s")
    return Panel(
        Group(*rows),
        title=title,
        title_align="left",
        subtitle=state,
        subtitle_align="right",
        border_style=colour,
    )


def _turn(turn: MarkedTurn, call: LiveCall) -> Text:
    style = "bold" if turn.speaker is Speaker.CALLER else "bold cyan"
    text = Text.assemble((f"{_speaker(turn.speaker, call)}:", style))
    for run in turn.runs:
        text.append(" ")
        text.append(printable(run.text), _run_style(run))
    if turn.provisional:
        text.append(" …", "dim")
    return text


def _run_style(run: Run) -> str:
    if run.keyword:
        return "bold black on yellow"
    return "dim italic" if run.provisional else ""


def _risk(call: LiveCall, verdict: wording.VerdictWords, colour: str) -> Text:
    if not call.contributions:
        return Text(f"{verdict.symbol} {verdict.label}. {verdict.meaning}", style="dim")
    filled = round(call.risk * _BAR_CELLS / 100)
    kind = f", {wording.fraud_words(call.fraud_type)}" if call.fraud_type else ""
    return Text.assemble(
        "Risk ",
        ("█" * filled, colour),
        ("░" * (_BAR_CELLS - filled), "bright_black"),
        (f" {call.risk} of 100  {verdict.symbol} {verdict.label}{kind}", f"bold {colour}"),
    )


def _reasons(call: LiveCall) -> Iterator[tuple[str, str]]:
    if call.keywords:
        yield f"Keyword heard: {', '.join(call.keywords)}", "yellow"
    if call.explanation:
        yield call.explanation, ""
    for part in call.contributions:
        if part.signal in {SignalName.DEEPFAKE, SignalName.KNOWN_VOICE} and part.state == "measured":
            yield f"{wording.signal_words(part.signal)}: {part.detail}", ""
    missing = [part for part in call.contributions if part.risk is None and part.state != "measured"]
    if missing:
        yield "; ".join(f"{wording.signal_words(part.signal)}: {part.state}" for part in missing), "dim"


def _alert_line(alert: LiveAlert) -> str:
    channel, delivery = wording.channel_words(alert.channel), wording.delivery_words(alert)
    answer = f", {wording.answer_words(alert)}" if alert.answered_at else ""
    return f"{alert.level} to {printable(alert.contact_name)} by {channel}: {delivery}{answer}"


def _step_line(step: LiveStep) -> str:
    asker = printable(wording.asker_words(step))
    return f"{wording.step_words(step)}: {wording.step_state_words(step)} (by {asker})"


def _figure_line(keyword_to_alert_ms: float) -> str:
    return f"{keyword_to_alert_ms / 1000:.1f} s from the spoken keyword to the alert"


def _speaker(speaker: Speaker, call: LiveCall) -> str:
    return "Caller" if speaker is Speaker.CALLER else printable(call.person_name)
