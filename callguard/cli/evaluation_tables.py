"""The figures of an evaluation as tables on a terminal."""

from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from callguard.evaluation.comparison import Comparison
from callguard.evaluation.evaluation import Evaluation
from callguard.evaluation.figures import Figures, Missed
from callguard.evaluation.statistics import Estimate, Share


def print_evaluation(console: Console, told: Evaluation) -> None:
    """Everything but the curves."""
    split = f" ({told.left_out} of another split than '{told.split}' left out)" if told.split else ""
    console.print(f"{told.scams} scams and {told.benign} honest calls{split}, replayed turn by turn.")
    console.print(
        f"Flagged: the risk reached {told.threshold} (a warning) at any turn. AUC and calibration are of the "
        "highest risk reached. Robocalls and everyday speech stand apart. Intervals: 95 %."
    )
    for figures in told.models:
        _print_model(console, figures)
    for comparison in told.comparisons:
        _print_comparison(console, comparison)


def _print_model(console: Console, figures: Figures) -> None:
    console.print(f"\n{figures.model}", style="bold", end="  ", markup=False)
    console.print(figures.version, markup=False)
    if figures.rows:
        console.print(_conversations(figures))
    console.print(_kinds(figures))
    console.print(_reliability(figures))
    _print_calls(console, f"Missed scams ({len(figures.misses)})", figures.misses)
    _print_calls(console, f"False alarms ({len(figures.false_alarms)})", figures.false_alarms)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _conversations(figures: Figures) -> Table:
    table = _table("Conversations")
    table.add_column("language,\nscams+honest", no_wrap=True)
    for name in ("AUC", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    table.add_column("false alarms\nper 100 hard", justify="right")
    table.add_column("per 100\nplain", justify="right")
    table.add_column("by the\ntelling turn", justify="right")
    table.add_column("median turn,\nwords", justify="right")
    for row in figures.rows:
        table.add_row(
            f"{row.name}\n{row.scams}+{row.benign}\n{row.judged_by[0] if len(row.judged_by) == 1 else ''}",
            _figure(row.auc),
            _figure(row.precision),
            _figure(row.recall),
            _figure(row.f1),
            _percent(row.false_alarms_hard),
            _percent(row.false_alarms_plain),
            _percent(row.by_telling_turn),
            "-" if row.median_turn is None else f"{row.median_turn:g},\n{row.median_words:g}",
            end_section=True,
        )
    return table


def _kinds(figures: Figures) -> Table:
    table = _table("Calls of one kind")
    for name in ("", "%", "95 %", "calls"):
        table.add_column(name, justify="right" if name else "left")
    kinds = [
        ("robocalls caught", figures.robocalls_caught),
        ("everyday speech flagged", figures.false_alarms_everyday),
        ("scams with an injection caught", figures.injected_caught),
        ("honest calls like an injection flagged", figures.injected_benign_flagged),
        *((f"caught: {name}", caught) for name, caught in figures.recall_by_type.items()),
    ]
    for name, measured in kinds:
        if measured.of:
            table.add_row(name, *_percent(measured).split("\n"))
    return table


def _reliability(figures: Figures) -> Table | str:
    if figures.calibration is None:
        return ""
    title = f"Reliability: ECE {figures.calibration.ece:.3f}, Brier {figures.calibration.brier:.3f}"
    table = _table(title)
    for name in ("risk", "mean", "scams among them", "95 %", "calls"):
        table.add_column(name, justify="right")
    for each in figures.calibration.bins:
        table.add_row(
            f"{100 * each.low:.0f}-{100 * each.high:.0f}",
            f"{100 * each.mean:.0f}",
            *_percent(each.scams).split("\n"),
        )
    return table


def _print_calls(console: Console, title: str, calls: tuple[Missed, ...]) -> None:
    """Their ids with the highest risk, by type and scenario."""
    console.print(title, style="bold")
    ordered = sorted(calls, key=lambda call: (call.type or "", call.scenario or "", call.id))
    for kind, of_kind in groupby(ordered, key=lambda call: call.type or "honest"):
        console.print(f"  {kind}", markup=False)
        for scenario, found in groupby(of_kind, key=lambda call: call.scenario):
            ids = ", ".join(f"{call.id} {call.peak}" for call in found)
            console.print(f"    {scenario or '-'}: {ids}", markup=False, soft_wrap=True)


def _print_comparison(console: Console, found: Comparison) -> None:
    console.print(f"\n{found.second} against {found.first}, conversations", style="bold", markup=False)
    if found.auc_gain is not None:
        console.print(f"  AUC {found.auc_gain:+.3f} (DeLong's test: p = {found.auc_p:.2g})")
    console.print(
        f"  only {found.second} is right: {found.only_second}, only {found.first}: {found.only_first} "
        f"(McNemar's test: p = {found.p:.2g})",
        markup=False,
    )


def _figure(measured: Estimate | Share | None) -> str:
    """Two or three lines: the figure, its interval, the counts."""
    if measured is None or measured.value is None:
        return "-"
    counts = f"\n{measured.count}/{measured.of}" if isinstance(measured, Share) else ""
    return f"{measured.value:.2f}\n{measured.low:.2f}-{measured.high:.2f}{counts}"


def _percent(measured: Share) -> str:
    if measured.value is None or measured.low is None or measured.high is None:
        return "-"
    low, high = 100 * measured.low, 100 * measured.high
    return f"{100 * measured.value:.1f}\n{low:.1f}-{high:.1f}\n{measured.count}/{measured.of}"
