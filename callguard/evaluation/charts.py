"""Charts as SVG that stands inside a page: no script, no style attribute, colours by the page's classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from callguard.domain.proportions import wilson
from callguard.evaluation.statistics import Calibration

SERIES = ("one", "two", "three", "four")
"""Classes of the lines of a chart, in their order."""

_LEFT, _TOP, _RIGHT, _BOTTOM = 42, 12, 12, 40
# Grid lines with their labels, and the names of both axes.
_UPRIGHT = Markup(
    '<line class="grid" x1="{0}" y1="{1}" x2="{0}" y2="{2}"/>'
    '<text class="tick" x="{0}" y="{3}" text-anchor="middle">{4}</text>'
)
_LEVEL = Markup(
    '<line class="grid" x1="{0}" y1="{1}" x2="{2}" y2="{1}"/>'
    '<text class="tick" x="37" y="{3}" text-anchor="end">{4}</text>'
)
_NAMES = Markup(
    '<text class="axis" x="{0}" y="{1}" text-anchor="middle">{2}</text>'
    '<text class="axis" text-anchor="middle" transform="translate(12 {3}) rotate(-90)">{4}</text>'
)


@dataclass(frozen=True, slots=True)
class Plot:
    """A plane from 0 to `across` and from 0 to `up`, drawn into so many units of a picture."""

    across: float
    up: float
    width: int = 360
    height: int = 300

    def x(self, value: float) -> float:
        return round(_LEFT + value / self.across * (self.width - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(self.height - _BOTTOM - value / self.up * (self.height - _TOP - _BOTTOM), 1)

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> Markup:
        path = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        return Markup('<polyline class="line {}" points="{}"/>').format(kind, path)

    def dot(self, x: float, y: float, kind: str, title: str = "", radius: float = 4) -> Markup:
        return Markup('<circle class="dot {}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>').format(
            kind, self.x(x), self.y(y), radius, title
        )

    def bar(self, low: float, high: float, bottom: float, top: float, kind: str, title: str = "") -> Markup:
        left, upper = self.x(low) + 1, self.y(top)
        return Markup(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        ).format(kind, left, upper, round(self.x(high) - left, 1), round(self.y(bottom) - upper, 1), title)

    def axes(
        self, across: Iterable[tuple[float, str]], up: Iterable[tuple[float, str]], names: tuple[str, str]
    ) -> Markup:
        """Grid lines with their labels, and what the axes are."""
        bottom, far = self.y(0), self.x(self.across)
        parts = [
            _UPRIGHT.format(self.x(at), self.y(self.up), bottom, bottom + 15, label) for at, label in across
        ]
        parts += [_LEVEL.format(_LEFT, self.y(at), far, self.y(at) + 4, label) for at, label in up]
        middle = (self.y(0) + self.y(self.up)) / 2
        parts.append(_NAMES.format((_LEFT + far) / 2, self.height - 6, names[0], middle, names[1]))
        return Markup().join(parts)

    def drawn(self, label: str, *parts: Markup) -> Markup:
        """The picture; `label` says in words what it shows."""
        return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            self.width, self.height, label, Markup().join(parts)
        )


def _ticks(values: Sequence[float]) -> list[tuple[float, str]]:
    return [(value, f"{value:g}") for value in values]


_UNIT = _ticks([0, 0.25, 0.5, 0.75, 1])
_RISK = _ticks([0, 30, 60, 80, 100])


def roc_chart(
    curves: Sequence[Sequence[tuple[float, float]]], working: Sequence[tuple[float, float]]
) -> Markup:
    """A curve a scorer, and where each works at the shipped threshold."""
    plot = Plot(1, 1)
    drawn = [plot.line(curve, kind) for curve, kind in zip(curves, SERIES, strict=False)]
    dots = [
        plot.dot(x, y, kind, f"false alarms {x:.1%}, found {y:.1%}")
        for (x, y), kind in zip(working, SERIES, strict=False)
    ]
    axes = plot.axes(_UNIT, _UNIT, ("honest calls flagged", "scams found"))
    chance = plot.line([(0, 0), (1, 1)], "chance")
    return plot.drawn("Scams found against honest calls flagged", axes, chance, *drawn, *dots)


def reliability_chart(found: Calibration, across: str = "risk / 100", kind: str = "scams") -> Markup:
    """How many of the calls at a risk were scams (or another `kind`); on the diagonal the risk is a
    probability.
    """
    plot = Plot(1, 1)
    parts = [plot.axes(_UNIT, _UNIT, (across, f"share of {kind}")), plot.line([(0, 0), (1, 1)], "chance")]
    most = max(each.count for each in found.bins)
    for each in found.bins:
        parts.append(plot.bar(each.low, each.high, 0, 0.25 * each.count / most, "count"))
        low, high = wilson(each.scams.count, each.count)
        parts.append(plot.line([(each.mean, low), (each.mean, high)], "whisker"))
        title = f"{100 * each.mean:.0f} %: {each.scams.count} of {each.count} were {kind}"
        parts.append(plot.dot(each.mean, each.scams.count / each.count, "one", title))
    return plot.drawn(f"Share of {kind} by {across}", *parts)


def distribution_chart(scams: Sequence[int], benign: Sequence[int], threshold: int) -> Markup:
    """How many calls reached which risk at most: scams upwards, honest calls downwards."""
    step = 5
    places = range(0, 100, step)
    up, down = (
        [sum(min(p, 95) // step == at // step for p in peaks) for at in places] for peaks in (scams, benign)
    )
    most = max([*up, *down, 1])
    plot = Plot(100, 2 * most, height=260)
    parts = [
        plot.axes(_RISK, [(0, str(most)), (most, "0"), (2 * most, str(most))], ("highest risk", "calls"))
    ]
    for at, above, below in zip(places, up, down, strict=True):
        span = f"risk {at}-{at + step}"
        if above:
            parts.append(plot.bar(at, at + step, most, most + above, "scam", f"{span}: {above} scams"))
        if below:
            parts.append(plot.bar(at, at + step, most - below, most, "honest", f"{span}: {below} honest"))
    parts.append(plot.line([(threshold, 0), (threshold, 2 * most)], "threshold"))
    return plot.drawn("Highest risk of scams and of honest calls", *parts)


def turns_chart(risks: Sequence[int], threshold: int, telling: int | None, kind: str) -> Markup:
    """The risk after each turn of one call; `telling` is the turn at which a careful person would know."""
    plot = Plot(max(len(risks), 2), 100, width=260, height=150)
    last = len(risks)
    across = _ticks(sorted({1, (last + 1) // 2, last}))
    parts = [plot.axes(across, _ticks([0, 50, 100]), ("turn", "risk"))]
    parts.append(plot.line([(0, threshold), (plot.across, threshold)], "threshold"))
    if telling is not None:
        parts.append(plot.line([(telling + 1, 0), (telling + 1, 100)], "telling"))
    points = [(turn, float(risk)) for turn, risk in enumerate(risks, 1)]
    parts.append(plot.line([(0.0, 0.0), *points], kind))
    return plot.drawn("Risk after each turn", *parts)


def before_after_chart(pairs: Sequence[tuple[int, int, str, str]], threshold: int) -> Markup:
    """Each call's risk before and after, with its kind (a class) and its title."""
    plot = Plot(100, 100)
    axes = plot.axes(_RISK, _RISK, ("risk now", "risk in the other set-up"))
    lines = [
        plot.line([(0, 0), (100, 100)], "chance"),
        plot.line([(threshold, 0), (threshold, 100)], "threshold"),
        plot.line([(0, threshold), (100, threshold)], "threshold"),
    ]
    dots = [plot.dot(before, after, kind, title) for before, after, kind, title in pairs]
    return plot.drawn("Each call's risk in both set-ups", axes, *lines, *dots)
