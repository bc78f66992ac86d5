"""`callguard evaluate feedback`: how the thresholds fare on what people said of their calls."""

import json as to_json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from callguard.cli.database import opened_database
from callguard.cli.running import run
from callguard.config import load_settings
from callguard.domain.feedback import THRESHOLDS, Answer, Fared, JudgedCall, Share, advice, fared
from callguard.domain.scoring import SUSPECT_FROM
from callguard.memory.feedback import judged_calls

_HEADS = f"{'precision':<18}{'recall':<18}false alarms"


def feedback(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only calls spoken about since this day (UTC)."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")
    ] = False,
) -> None:
    """Show how each threshold would have fared on the calls that people called a scam, or fine.

    Prints counts alone: no numbers, no names, no words.
    """
    calls = run(_calls(since.replace(tzinfo=UTC) if since else None))
    rows = [fared(calls, threshold) for threshold in THRESHOLDS]
    if json:
        print(to_json.dumps(_figures(calls, rows)))
    else:
        _print(calls, rows)


async def _calls(since: datetime | None) -> list[JudgedCall]:
    async with opened_database(load_settings()) as database:
        return await judged_calls(database, since)


def _counts(calls: Sequence[JudgedCall]) -> dict[Answer, int]:
    return {answer: sum(call.answer is answer for call in calls) for answer in Answer}


def _figures(calls: Sequence[JudgedCall], rows: Sequence[Fared]) -> dict[str, object]:
    return {
        "calls": {str(answer): count for answer, count in _counts(calls).items()},
        "never_judged": sum(not call.is_judged for call in calls),
        "shipped_threshold": SUSPECT_FROM,
        "thresholds": [
            {
                "threshold": row.threshold,
                "caught": row.caught,
                "missed": row.missed,
                "false_alarms": row.false_alarms,
                "left_alone": row.left_alone,
                "precision": _share(row.precision),
                "recall": _share(row.recall),
                "false_alarm_share": _share(row.false_alarm_share),
            }
            for row in rows
        ],
        "advice": advice(calls),
    }


def _share(share: Share) -> dict[str, object]:
    low, high = share.interval
    return {"value": share.value, "low": low, "high": high}


def _print(calls: Sequence[JudgedCall], rows: Sequence[Fared]) -> None:
    counts = _counts(calls)
    never = sum(not call.is_judged for call in calls)
    print(
        f"{len(calls)} calls that people spoke about: {counts[Answer.SCAM]} scams, "
        f"{counts[Answer.NOT_SCAM]} fine, {counts[Answer.UNSURE]} not sure of; {never} were never judged.\n"
    )
    print(f"{'':12}{'scams':>20}{'fine calls':>24}")
    print(f"{'alert from':>10}  {'caught, missed':>20}{'alarmed, left':>24}  {_HEADS}")
    for row in rows:
        shares = "  ".join(_told(share) for share in (row.precision, row.recall, row.false_alarm_share))
        mark = "*" if row.threshold == SUSPECT_FROM else " "
        scams, fine = f"{row.caught}, {row.missed}", f"{row.false_alarms}, {row.left_alone}"
        print(f"{row.threshold:>10}{mark} {scams:>20}{fine:>24}  {shares}")
    print(f"\n* what is shipped. In brackets the 95 % interval.\n{advice(calls)}")
    print(
        "People speak mostly of calls that alerted: scams that nobody noticed are missing here, so that the "
        "true share caught is lower."
    )


def _told(share: Share) -> str:
    if share.value is None:
        return f"{'-':<16}"
    low, high = share.interval
    return f"{share.value:.2f} ({low:.2f}-{high:.2f})"
