"""What the LLM answers: the schema it is bound to, how its text is read, and what of it is kept.

A quotation that the caller didn't say is dropped. What the model writes itself is kept as evidence, clipped,
and reaches no alert.
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from callguard.domain.masking import DIGITS
from callguard.domain.signals import FraudType, LlmOpinion, SuggestedAction, Tactic
from callguard.domain.transcript import Speaker, Utterance, turns
from callguard.domain.words import contains, normalise

MAX_LISTED = 5
MAX_TEXT = 400
LEAST_QUOTED = 2
"""Words of a quotation: one alone occurs in every call."""

# Markup, links and numbers of seven digits or more have no place in the model's own words.
_UNWANTED = re.compile(
    r"[<>]|https?:|www\.|\b[\w-]+\.(?:com|net|org|info|io|co)\b|(?:\d[\s().-]*){7,}", re.IGNORECASE
)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


def _percent(value: int) -> int:
    if not 0 <= value <= 100:
        raise ValueError("not within 0 and 100")
    return value


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("not within 0 and 1")
    return value


class Answer(BaseModel):
    """What the model answers. Ranges are checked here: strict schemas don't carry them on every server."""

    model_config = ConfigDict(extra="forbid")

    risk: Annotated[int, AfterValidator(_percent)]
    fraud_type: FraudType | None
    claims: list[str]
    asks: list[str]
    tactics: list[Tactic]
    quotations: list[str]
    explanation: str
    suggested_action: SuggestedAction
    addresses_the_listener: bool
    confidence: Annotated[float, AfterValidator(_share)]


def read_answer(content: str) -> Answer | None:
    """The answer in a model's text, which may stand in a code fence or behind thoughts; None where it is
    none.

    The validator's error quotes the answer, so it goes no further than this.
    """
    text = _THOUGHT.sub("", content)
    try:
        return Answer.model_validate_json(text[text.index("{") : text.rindex("}") + 1])
    except (ValidationError, ValueError):
        return None


def opinion_of(
    answer: Answer, utterances: Sequence[Utterance], model: str, prompt_version: str
) -> LlmOpinion:
    """What is kept of an answer about these words."""
    return LlmOpinion(
        risk=answer.risk,
        fraud_type=answer.fraud_type,
        claims=_own_words(answer.claims),
        asks=_own_words(answer.asks),
        tactics=tuple(dict.fromkeys(answer.tactics)),
        quotations=_quotations(answer.quotations, utterances),
        explanation="".join(_own_words([answer.explanation])),
        suggested_action=answer.suggested_action,
        confidence=answer.confidence,
        model=model,
        prompt_version=prompt_version,
        addresses_the_listener=answer.addresses_the_listener,
    )


def plain(text: str) -> str:
    """One line of printable characters: no line of the caller's own, nothing invisible."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _quotations(quoted: Sequence[str], utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Passages that the caller said in one turn, word for word; where digits were masked, the longest
    part.
    """
    said = [normalise(turn.text) for turn in turns(utterances) if turn.speaker is Speaker.CALLER]
    kept: dict[str, str] = {}
    for quotation in quoted:
        passage = plain(max(quotation.split(DIGITS), key=len))
        words = normalise(passage)
        if len(words.split()) >= LEAST_QUOTED and any(contains(turn, words) for turn in said):
            kept.setdefault(words, passage)
    return tuple(kept.values())[:MAX_LISTED]


def _own_words(texts: Sequence[str]) -> tuple[str, ...]:
    """The model's texts on one line each, clipped; those with links, markup or long numbers are left out."""
    kept = [plain(text)[:MAX_TEXT] for text in texts if not _UNWANTED.search(text)]
    return tuple(text for text in kept if text)[:MAX_LISTED]
