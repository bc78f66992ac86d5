"""The figures of an evaluation of voices as tables on a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callguard.cli.running import printable
from callguard.evaluation.statistics import Estimate
from callguard.evaluation.voice import VoiceEvaluation
from callguard.evaluation.voice_figures import Row, VoiceFigures


def print_voices(console: Console, told: VoiceEvaluation) -> None:
    """Everything but the curves."""
    noise = f", under noise 10 to 20 dB below the speech (seed {told.seed})" if told.masked else ""
    console.print(f"{told.synthetic} synthetic and {told.human} human recordings{noise}.")
    console.print(
        "Intervals: 95 %, whole engines and speakers drawn. Control: level, noise floor and long-term "
        "spectrum alone; where it does well, the set tells of studios as much as of voices."
    )
    for figures in told.detectors:
        _print_detector(console, figures, told.control)
    for found in told.comparisons:
        console.print(
            f"{found.second} over {found.first}: AUC {found.auc_gain:+.3f} "
            f"({found.low:+.3f} to {found.high:+.3f}, {found.recordings} recordings)",
            markup=False,
        )


def _print_detector(console: Console, figures: VoiceFigures, control: Row) -> None:
    console.print(f"\n{figures.detector}", style="bold", end="  ", markup=False)
    console.print(figures.version, markup=False)
    shown = [figures.all, control, *figures.seconds, *figures.codecs]
    console.print(_table("All, and by seconds of speech and codec", shown))
    console.print(_table("By engine, each against all humans", figures.engines))
    console.print(_table("Humans by corpus", figures.corpora))
    if figures.calibration is not None:
        found = figures.calibration
        console.print(f"Calibration: ECE {found.ece:.3f}, Brier {found.brier:.3f}")
    for name, counts in (("synthetic", figures.unscored.synthetic), ("human", figures.unscored.human)):
        for reason, count in counts.items():
            console.print(f"Not scored, {name}: {count} {reason}", markup=False)


def _table(title: str, rows: Sequence[Row]) -> Table | str:
    if not rows:
        return ""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("synthetic+human", no_wrap=True)
    for name in ("AUC", "EER %", "minDCF", "found %", "humans called\nsynthetic %"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*_cells(row), end_section=True)
    return table


def _cells(row: Row) -> list[str]:
    return [
        f"{escape(printable(row.name))}\n{row.synthetic}+{row.human}",
        _figure(row.auc, "{:.2f}", 1),
        _figure(row.eer, "{:.1f}", 100),
        _figure(row.min_dcf, "{:.2f}", 1),
        _figure(row.found, "{:.1f}", 100),
        _figure(row.alarms, "{:.1f}", 100),
    ]


def _figure(found: Estimate | None, form: str, times: float) -> str:
    if found is None:
        return "-"
    value, low, high = (form.format(times * part) for part in (found.value, found.low, found.high))
    return f"{value}\n{low}-{high}"
