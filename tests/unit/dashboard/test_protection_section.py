"""Whether protection is on, as the dashboard shows it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from callguard.canary.runs import Protection, RunReport, StageReport
from callguard.dashboard.rendering import render_view
from callguard.dashboard.snapshot import Snapshot
from callguard.domain.canary import STAGE_WORDS, Stage
from tests.unit.dashboard.live_calls import NOW

PASSED = RunReport(
    test_id=UUID(int=1),
    person_id=UUID(int=2),
    person="Margaret Hill",
    state="passed",
    forwarding="proven",
    failed_stage=None,
    failed=None,
    error_code=None,
    stages=[StageReport(stage=s, name=STAGE_WORDS[s], at=NOW, seconds=1.25) for s in Stage],
    started_at=NOW,
    finished_at=NOW,
)
PROTECTED = Protection(
    person_id=UUID(int=2), person="Margaret Hill", scheduled=True, running=False, proven_at=NOW, newest=PASSED
)


def shown(**changes: Any) -> str:
    protection = msgspec.structs.replace(PROTECTED, **changes)
    snapshot = replace(Snapshot(taken_at=NOW, calls=()), protections=(protection,))
    return " ".join(render_view(snapshot, away=False).sections["protection"].split())


def test_what_was_proven_is_shown_with_its_moment_and_its_figures() -> None:
    html = shown()
    assert "✓ protection last proven at <time" in html
    assert "<li>keyword trigger: 1.2 s</li>" in html
    assert "forwarding was not tested" not in html
    assert "forwarding was not tested" in shown(
        newest=msgspec.structs.replace(PASSED, forwarding="not_tested")
    )


def test_what_fails_is_named_and_when_it_last_worked() -> None:
    unreached = [msgspec.structs.replace(stage, at=None, seconds=None) for stage in PASSED.stages]
    failed = msgspec.structs.replace(
        PASSED,
        state="failed",
        failed_stage=Stage.ARRIVED,
        failed="protection is off: forwarding",
        error_code="no-answer",
        stages=unreached,
    )
    html = shown(newest=failed, proven_at=NOW - timedelta(days=1))
    assert "✗ protection is off: forwarding (no-answer), tested at <time" in html
    assert "Last proven at <time" in html
    assert "<li>forwarding: not reached</li>" in html
    assert "It was never proven." in shown(newest=failed, proven_at=None)


def test_what_was_never_tested_says_how_and_names_are_only_names() -> None:
    html = shown(newest=None, proven_at=None, running=True, person="<b>Margaret</b>")
    assert "callguard check --live" in html
    assert "A test is under way." in html
    assert "<b>" not in html
