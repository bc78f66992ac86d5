"""The page of a backtest."""

from collections.abc import Sequence
from itertools import groupby

from callguard.domain.scoring import SUSPECT_FROM
from callguard.evaluation.backtest import Backtest, Change, Compared
from callguard.evaluation.charts import before_after_chart
from callguard.evaluation.rendering import render_report

_MARKS = {
    Change.NEWLY_ALERTS: "up",
    Change.LOUDER: "up",
    Change.NO_LONGER_ALERTS: "down",
    Change.QUIETER: "down",
}


def render_backtest(told: Backtest, found: Sequence[Compared]) -> str:
    """`found` are all calls that `told` is of."""
    dots = [(c.before.risk, c.after.risk, _MARKS.get(c.change, "same"), c.call.id) for c in found]
    groups = [(change, list(lines)) for change, lines in groupby(told.changed, key=lambda line: line.change)]
    chart = before_after_chart(dots, SUSPECT_FROM) if dots else None
    return render_report("backtest.html", told=told, groups=groups, chart=chart)
