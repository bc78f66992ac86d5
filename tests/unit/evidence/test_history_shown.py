"""What earlier calls say stands on the page, in words that are there already."""

from dataclasses import replace
from html import unescape

from callguard.domain.feedback import Answer
from callguard.domain.memory import Link, Mark, history
from callguard.domain.signals import AttestationLevel
from callguard.evidence.page import buttons, render
from callguard.evidence.source import Part
from tests.browser.test_evidence_look import evidence

REPORTED = Mark(Link.NUMBER, None, Answer.SCAM, days=3, own=True)


def test_the_page_says_why_the_caller_is_known() -> None:
    (reason,) = history([REPORTED], AttestationLevel.A, "de").reasons
    part = Part("caller_history", "measured", None, (), reason)
    page = unescape(render(replace(evidence("de"), parts=(part,)), "form"))
    assert "Frühere Anrufe" in page
    assert "Ein Anruf von dieser Nummer wurde vor 3 Tagen als Betrug gemeldet." in page


def test_what_the_call_was_can_be_said_when_nothing_else_can() -> None:
    over = replace(evidence("en"), is_live=False, may_act=False, answered=True)
    assert buttons(over) == ("safe", "scam")
    assert buttons(evidence("en")) == ("hang_up", "call", "safe", "scam", "seen")
