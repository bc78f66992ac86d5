"""A verdict that does not flap: it rises at once, and falls only when the risk has stayed clearly lower.

Partial results change, an LLM's opinion comes and is outdated by the next sentence, so what is measured
wavers while nothing has changed. Whoever watches a call, or is about to ring, must not see SCAM become
UNSURE and back.
"""

from dataclasses import dataclass

from callguard.domain.scoring import SUSPECT_FROM, UNSURE_FROM

MARGIN = 10
"""Points. What a signal beside the words adds and a reworded partial takes away lies below."""
CALM_RESULTS = 6
"""Final results that must have come since the risk went lower: about three exchanges, in which somebody who
asked for money would have come back to it."""


@dataclass(frozen=True, slots=True)
class Steady:
    """A call's standing risk, and the `highest` that stood. `calm_since`: how many finals the call had when
    the risk became lower, None while it isn't; `calm_peak`: the highest it has been since.
    """

    risk: int = 0
    highest: int = 0
    calm_since: int | None = None
    calm_peak: int = 0


def steadied(before: Steady, measured: int, finals: int) -> Steady:
    """What stands after a result, `finals` of which the call has had by now.

    Counted are the call's words, not looks at them: whoever looks more often, or looks again, finds the same.
    A risk that alerted falls to UNSURE at the lowest: only a person calls such a call safe.
    """
    if measured > before.risk - MARGIN:
        risk = max(before.risk, measured)
        return Steady(risk, max(before.highest, risk))
    since = finals if before.calm_since is None else before.calm_since
    peak = max(before.calm_peak, measured)
    if finals - since < CALM_RESULTS:
        return Steady(before.risk, before.highest, since, peak)
    floor = UNSURE_FROM if before.highest >= SUSPECT_FROM else 0
    # What is measured now may be lower still, and then the next fall is waited for from here on.
    return steadied(Steady(max(peak, floor), before.highest), measured, finals)
