"""The evidence page as HTML: no script, one style sheet inside it, nothing from anywhere else."""

import base64
import hashlib
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
from markupsafe import Markup

from callguard.domain.caller import WITHHELD, spoken_number
from callguard.domain.fraud_words import fraud_in
from callguard.domain.replies import Action
from callguard.domain.signals import FraudType
from callguard.evidence.source import Evidence
from callguard.evidence.wording import AWAY, GONE, LANGUAGES, Page, page_in

SEEN = "seen"
_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "evidence.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _fill(text: str, who: str, kind: str = "") -> str:
    return text.replace("{who}", who).replace("{kind}", kind)


def _clock(moment: datetime, time_zone: str) -> str:
    local = moment.astimezone(_zone(time_zone))
    return f"{local:%H:%M} ({local:%Y-%m-%d}, {local.tzname()})"


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _length(seconds: float, page: Page) -> str:
    minutes, rest = divmod(int(seconds), 60)
    shown = f"{rest} {page.seconds}"
    return f"{minutes} {page.minutes} {shown}" if minutes else shown


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "fill": _fill,
    "clock": _clock,
    "length_of": _length,
    "in_words": lambda name, words: words.get(name, name),
}


def render(found: Evidence, form: str) -> str:
    """The page of an alert; `form` is what its buttons send along."""
    page = page_in(found.language)
    return _render(
        language=found.language if found.language in LANGUAGES else "en",
        page=page,
        found=found,
        who=found.first_name,
        headline="SCAM_OVER" if found.verdict == "SCAM" and not found.is_live else found.verdict,
        kind=fraud_in(found.language, FraudType(found.fraud_type)) if found.fraud_type else "",
        caller=_caller(found.caller, page),
        buttons=buttons(found),
        form=form,
        shortened=any("…" in quotation.words for quotation in found.quotations),
    )


def render_gone() -> str:
    """The one page for every link that shows nothing: nobody learns which of the reasons it was."""
    return _render(language="en", page=page_in("en"), found=None, sentences=GONE)


def render_away() -> str:
    """The page while the evidence can't be read."""
    return _render(language="en", page=page_in("en"), found=None, sentences=AWAY)


def buttons(found: Evidence) -> tuple[str, ...]:
    """What may still be answered, the most urgent first; what the call was, always."""
    acting = [Action.HANG_UP] if found.is_live else []
    open_only = [*acting, Action.CALL] if found.may_act else []
    return (*open_only, Action.SAFE, Action.SCAM, *(() if found.answered else (SEEN,)))


def _render(**values: object) -> str:
    style = Markup(_STYLE)  # noqa: S704  # a file of ours, the one that the policy's hash is of
    return _templates.get_template("evidence.html").render(style=style, **values)


def _caller(number: str, page: Page) -> str:
    """Addresses that are no numbers are the caller's own words, and stay out."""
    if number == WITHHELD:
        return page.withheld
    return spoken_number(number) if number.startswith("+") else page.no_number
