"""The pages stand alone, run nothing, and trust no name."""

import base64
import hashlib
import re

import pytest

from callguard.evaluation.backtest import SetUp, backtest, compared
from callguard.evaluation.backtest_page import render_backtest
from callguard.evaluation.evaluation import Tried, evaluation
from callguard.evaluation.rendering import render_evaluation
from callguard.evaluation.replay import replay
from callguard.evaluation.setups import as_calls
from tests.unit.evaluation.test_figures import SET
from tests.unit.evaluation.told_scorer import ToldScorer, dialogue

ODD = dialogue("<script>alert(1)</script>", "hello 10", scenario="\"><img src=x onerror='alert(1)'>")


def evaluated() -> str:
    tried = Tried("told", "told-1", tuple(replay(each, ToldScorer()) for each in [*SET, ODD]))
    return render_evaluation(evaluation(["set.jsonl"], None, 0, [tried, tried]), [tried, tried])


def tried_again() -> str:
    setups = SetUp("told", ToldScorer()), SetUp("told", ToldScorer(), {"en": ("hello",)})
    found = [compared(call, *setups) for call in as_calls([*SET, ODD])]
    return render_backtest(backtest("dialogues", ("now", "<i>other</i>"), found), found)


@pytest.mark.parametrize("page", [evaluated(), tried_again()], ids=["evaluation", "backtest"])
def test_a_page_runs_nothing_and_asks_for_nothing(page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page.replace("&#39;", "'")
    assert not re.search(r"<script|<img|<link|<iframe|\son\w+=\"|\sstyle=|javascript:|@import|url\(", page)
    assert not re.search(r"(?:src|href)=", page.replace("img src=x", ""))
    assert "&lt;script&gt;alert(1)" in page


def test_the_figures_stand_on_the_page() -> None:
    page = evaluated()
    assert 'aria-label="Scams found against honest calls flagged"' in page
    assert 'aria-label="Share of scams by risk / 100"' in page
    assert page.count('aria-label="Risk after each turn"') == 2 * (2 + 2), "two misses, two false alarms"
    assert "2 of 3" in page
