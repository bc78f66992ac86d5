"""The LLM's reading as it is stored beside a verdict, and back."""

from collections.abc import Mapping
from typing import Any

from callguard.domain.signals import (
    FraudType,
    LlmOpinion,
    NotAvailable,
    SignalName,
    SignalState,
    SuggestedAction,
    Tactic,
)


def to_json(llm: LlmOpinion | NotAvailable) -> dict[str, object]:
    """The fields by name, and the state."""
    if isinstance(llm, NotAvailable):
        return {"state": llm.state, "detail": llm.detail}
    return {
        "state": SignalState.MEASURED,
        "risk": llm.risk,
        "fraud_type": llm.fraud_type,
        "claims": llm.claims,
        "asks": llm.asks,
        "tactics": llm.tactics,
        "quotations": llm.quotations,
        "explanation": llm.explanation,
        "suggested_action": llm.suggested_action,
        "addresses_the_listener": llm.addresses_the_listener,
        "confidence": llm.confidence,
        "model": llm.model,
        "prompt_version": llm.prompt_version,
    }


def from_json(stored: Mapping[str, Any]) -> LlmOpinion | NotAvailable:
    """What `to_json` made of it."""
    state = SignalState(stored["state"])
    if state is not SignalState.MEASURED:
        return NotAvailable(SignalName.LLM, state, stored["detail"])
    return LlmOpinion(
        risk=stored["risk"],
        fraud_type=FraudType(stored["fraud_type"]) if stored["fraud_type"] else None,
        claims=tuple(stored["claims"]),
        asks=tuple(stored["asks"]),
        tactics=tuple(Tactic(tactic) for tactic in stored["tactics"]),
        quotations=tuple(stored["quotations"]),
        explanation=stored["explanation"],
        suggested_action=SuggestedAction(stored["suggested_action"]),
        confidence=stored["confidence"],
        model=stored["model"],
        prompt_version=stored["prompt_version"],
        addresses_the_listener=stored["addresses_the_listener"],
    )
