"""A snapshot as HTML, in pieces that can each be replaced when they change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import jinja2
from markupsafe import Markup

from callguard.dashboard import wording
from callguard.dashboard.marking import marked_turns
from callguard.dashboard.snapshot import LiveAlert, LiveCall, Snapshot
from callguard.domain.caller import spoken_number


def duration(seconds: float) -> str:
    """A length of time as people say it: `8 s`, `2 min 5 s`, `1 h 2 min`."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment_element(moment: datetime, now: datetime) -> Markup:
    """A <time> in UTC, with its day unless that is today; the page's script makes it the viewer's."""
    utc = moment.astimezone(UTC)
    day = "" if utc.date() == now.astimezone(UTC).date() else f"{utc.day} {utc:%b} "
    return Markup('<time datetime="{}" data-clock>{}{:%H:%M:%S} UTC</time>').format(utc.isoformat(), day, utc)


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "answer": wording.answer_words,
    "attestation": wording.attestation_words,
    "channel": wording.channel_words,
    "said": wording.said_words,
    "delivery": wording.delivery_words,
    "fraud": wording.fraud_words,
    "notice": wording.notice_words,
    "messages": wording.message_words,
    "signal": wording.signal_words,
    "step": wording.step_words,
    "step_state": wording.step_state_words,
    "asker": wording.asker_words,
    "verdict": wording.verdict_words,
    "number": spoken_number,
    "duration": duration,
    "moment": moment_element,
    "turns": lambda call: marked_turns(call.transcript, call.keywords),
}


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows: its sections by element id, and the cards of the live calls by theirs.

    `cards` also stand inside the `live` section; they are kept apart so that one call's words move one card.
    `drawn` is each call with its HTML, so that the next view draws only the calls that changed.
    """

    sections: Mapping[str, Markup]
    cards: Mapping[str, Markup]
    drawn: Mapping[UUID, tuple[LiveCall, Markup]]

    def changes_since(self, before: "View | None") -> str:
        """The pieces that differ from `before`, as htmx partials; all sections without a `before`."""
        if before is None:
            changed = dict(self.sections)
        else:
            changed = {e: html for e, html in self.sections.items() if html != before.sections[e]}
            if self.cards and list(self.cards) == list(before.cards):
                changed.pop("live", None)
                changed |= {e: html for e, html in self.cards.items() if html != before.cards[e]}
        return "".join(
            f'<hx-partial hx-target="#{element}" hx-swap="outerMorph">{html}</hx-partial>'
            for element, html in changed.items()
        )


def render_view(snapshot: Snapshot | None, *, away: bool, before: View | None = None, form: str = "") -> View:
    """The page of `snapshot`, None before the first; `away`: the database can't be asked for a newer one.

    What is the same as in the view `before` is taken from there. `form` is what the page's forms carry.
    """
    calls = snapshot.calls if snapshot else ()
    now = snapshot.taken_at if snapshot else None
    known = before.drawn if before else {}
    drawn = {call.id: _draw(call, now, known.get(call.id), form) for call in calls}
    live = [call for call in calls if call.ended_at is None]
    cards = {f"call-{call.id}": drawn[call.id][1] for call in live}
    ended = [drawn[call.id][1] for call in calls if call.ended_at is not None]
    alerts = _newest_first(calls)
    sections = {
        "notice": _fragment("notice.html", away=away, now=now),
        "announcement": _fragment("announcement.html", live=live, alerts=alerts),
        "live": _fragment(
            "live.html", cards=cards.values(), known=snapshot is not None, any_calls=bool(calls)
        ),
        "alerts": _fragment("alerts.html", alerts=alerts, now=now),
        "notices": _fragment(
            "notices.html",
            notices=snapshot.notices if snapshot else (),
            messages=snapshot.messages if snapshot else (),
            now=now,
        ),
        "ended": _fragment("ended.html", calls=ended),
        "protection": _fragment(
            "protection.html", protections=snapshot.protections if snapshot else (), now=now
        ),
    }
    return View(sections, cards, drawn)


def _draw(
    call: LiveCall, now: datetime | None, known: tuple[LiveCall, Markup] | None, form: str
) -> tuple[LiveCall, Markup]:
    if known is not None and known[0] == call:
        return known
    template = "card.html" if call.ended_at is None else "folded.html"
    return call, _fragment(template, call=call, now=now, form=form)


def render_page(view: View) -> str:
    """The whole page as it stands."""
    return _templates.get_template("page.html").render(sections=view.sections)


def render_locked() -> str:
    """The page for a visitor without the key."""
    return _templates.get_template("locked.html").render()


def render_opening() -> str:
    """A page that goes on to the dashboard by itself."""
    return _templates.get_template("opening.html").render()


def _fragment(template: str, **context: object) -> Markup:
    return Markup(_templates.get_template(template).render(context))  # noqa: S704  # rendered with escaping on


def _newest_first(calls: tuple[LiveCall, ...]) -> list[tuple[LiveAlert, LiveCall]]:
    alerts = [(alert, call) for call in calls for alert in call.alerts]
    return sorted(alerts, key=lambda pair: pair[0].created_at, reverse=True)
