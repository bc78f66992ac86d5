"""Words as a recogniser tells them: growing partials, then one final. Pure."""

from dataclasses import dataclass

# 150 words a minute, the pace of a telephone conversation.
SECONDS_A_WORD = 0.4
WORDS_A_PARTIAL = 4
CONFIDENCE = 0.95
STABILITY = 0.9


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and when it was spoken, as monotonic times."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A result of one track, ready to be told. Only finals carry confidence and words."""

    text: str
    is_final: bool
    confidence: float | None = None
    stability: float | None = None
    words: tuple[SpokenWord, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One result of an utterance: so many seconds after the step before, this much of the text."""

    seconds: float
    text: str
    is_final: bool


def growing(text: str, *, instant: bool) -> tuple[Step, ...]:
    """The results of one utterance: a partial every few words (at most two when instant), then the final."""
    words = text.split()
    count = len(words)
    if instant:
        ends = sorted({count // 3, 2 * count // 3} - {0, count})
    else:
        ends = list(range(WORDS_A_PARTIAL, count, WORDS_A_PARTIAL))
    steps = []
    before = 0
    for end in ends:
        partial = " ".join(words[:end]).rstrip(".,;:!?")
        steps.append(Step((end - before) * SECONDS_A_WORD, partial, is_final=False))
        before = end
    steps.append(Step((count - before) * SECONDS_A_WORD, " ".join(words), is_final=True))
    return tuple(steps)


def heard(step: Step, began: float, seconds_a_word: float, language: str = "") -> Heard:
    """A step as told, its words placed from the monotonic time at which the utterance began."""
    if not step.is_final:
        return Heard(step.text, is_final=False, stability=STABILITY, language=language)
    words = tuple(
        SpokenWord(word, began + position * seconds_a_word, began + (position + 1) * seconds_a_word)
        for position, word in enumerate(step.text.split())
    )
    return Heard(step.text, is_final=True, confidence=CONFIDENCE, words=words, language=language)
