"""When the LLM judge is asked about a call, and what asking may cost. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from callguard.domain.transcript import Speaker, Utterance

WORTH_WORDS: Final = 8
"""New words of the caller below which the judge would only say the same again."""
MANY_WORDS: Final = 60
"""New words of the caller that are judged at once."""
GATHER_SECONDS: Final = 15.0
"""What lies between is gathered for so long after a question, into the next one."""
RISEN: Final = 10
"""Points by which the local scorer's risk must have risen to be new evidence, which is judged at once."""
CHARACTERS_A_TOKEN: Final = 3
"""For servers that don't count tokens; fewer characters make a token in German or French than in English."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a call there is to judge: the caller's words so far, and the local scorer's risk 0-100."""

    caller_words: int
    local_risk: int


def heard(utterances: Iterable[Utterance], local_risk: int) -> Heard:
    """What the judge would be asked about."""
    words = sum(len(u.text.split()) for u in utterances if u.speaker is Speaker.CALLER)
    return Heard(words, local_risk)


def wait_before_asking(now: Heard, asked: Heard | None, since_seconds: float) -> float | None:
    """Seconds until the judge is asked about a call that it was last `asked` about, and answered, so many
    seconds ago; None: not for what is new so far.

    The first question, new evidence and many new words don't wait; a few words more are gathered, and a mere
    'yes' asks nothing. A question costs money and a rate limit, and the local scorer hears every word anyway.
    """
    if asked is None:
        return 0.0
    new_words = now.caller_words - asked.caller_words
    if now.local_risk >= asked.local_risk + RISEN or new_words >= MANY_WORDS:
        return 0.0
    return max(0.0, GATHER_SECONDS - since_seconds) if new_words >= WORTH_WORDS else None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a question used: requests sent, tokens both ways, and whether these were counted or estimated."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    is_estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.is_estimated or other.is_estimated,
        )


def estimated(sent: str, answered: str) -> Usage:
    """One request to a server that doesn't say what it used, rather too much than too little."""
    return Usage(1, _tokens(sent), _tokens(answered), is_estimated=True)


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens, which is micro-dollars for one; None: unknown."""

    prompt: float | None = None
    completion: float | None = None

    def cost_micro_usd(self, usage: Usage) -> int | None:
        """What was used costs, in millionths of a dollar; None where a price isn't known."""
        if self.prompt is None or self.completion is None:
            return None
        return round(usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion)


@dataclass(frozen=True, slots=True)
class Budget:
    """What an organisation may use in a day (UTC); None: without a limit."""

    tokens: int | None
    micro_usd: int | None = None

    def is_spent(self, tokens: int, micro_usd: int) -> bool:
        """Whether what was used today leaves nothing. Questions under way are not known yet, so that a day
        may end by these few above it.
        """
        return (self.tokens is not None and tokens >= self.tokens) or (
            self.micro_usd is not None and micro_usd >= self.micro_usd
        )
