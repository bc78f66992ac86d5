"""An opinion survives being stored."""

import json

import pytest

from callguard.analysis.opinions import from_json, to_json
from callguard.domain.signals import (
    FraudType,
    LlmOpinion,
    NotAvailable,
    SignalName,
    SignalState,
    SuggestedAction,
    Tactic,
)


@pytest.mark.parametrize(
    "llm",
    [
        LlmOpinion(
            risk=70,
            fraud_type=FraudType.BANK,
            claims=("a bank",),
            asks=("a code",),
            tactics=(Tactic.AUTHORITY, Tactic.CREDENTIALS),
            quotations=("read me the code",),
            explanation="It asks for a code.",
            suggested_action=SuggestedAction.HOLD,
            confidence=0.8,
            model="m",
            prompt_version="judge.v2",
            addresses_the_listener=True,
        ),
        LlmOpinion(0, None, (), (), (), (), "", SuggestedAction.NONE, 1.0, "m", "judge.v2"),
        NotAvailable(SignalName.LLM, SignalState.QUEUED, "later"),
        NotAvailable(SignalName.LLM, SignalState.BUDGET_SPENT, "spent"),
    ],
)
def test_what_was_stored_comes_back(llm: LlmOpinion | NotAvailable) -> None:
    assert from_json(json.loads(json.dumps(to_json(llm)))) == llm
