"""`python -m training.language_figures`: how well five languages are told apart, on dialogues that the
profiles never saw.

First by the number of words heard: stretches of what callers say, as it is written, without accents, and with
every third word replaced by one of English, as a recogniser that listens for English makes it. Then whole
calls: those answered in each other language, by how many of the caller's words it takes to follow, and those
answered in their own that are switched all the same.
"""

import random
from collections.abc import Iterator

from callguard.analysis.language import LANGUAGES, profiles, words
from callguard.domain.languages import Spoken, switched
from training.dialogue_counts import TEXTS, read
from training.train_languages import without_accents

SEED = 4
STRETCHES = (3, 5, 10, 20, 40)
Callers = dict[str, list[list[str]]]


def callers() -> Callers:
    """What the caller says in each validation dialogue, turn by turn, by language."""
    return {
        language: [
            [turn["text"] for turn in found["turns"] if turn["speaker"] == "caller"]
            for found in read(TEXTS / language)
            if found["split"] == "validation"
        ]
        for language in LANGUAGES
    }


def stretches(dialogues: list[list[str]], length: int) -> Iterator[list[str]]:
    """Stretches of so many words, one after the other, none over the end of a call."""
    for dialogue in dialogues:
        said = " ".join(dialogue).split()
        for start in range(0, len(said) - length + 1, length):
            yield said[start : start + length]


def likeliest(said: list[str]) -> str:
    odds = profiles().odds(" ".join(said))
    return max(odds, key=lambda language: odds[language])


def garbled(said: list[str], english: list[str], chance: random.Random) -> list[str]:
    """Every third word is an English one."""
    return [word if place % 3 else chance.choice(english) for place, word in enumerate(said)]


def accuracy(spoken: Callers) -> None:
    chance = random.Random(SEED)
    english = [word for dialogue in spoken["en"] for turn in dialogue for word in turn.split()]
    print("words heard | as written | without accents | a third replaced by English (es, fr, de, pt)")
    for length in STRETCHES:
        right = {"written": 0, "plain": 0, "garbled": 0}
        count = foreign = 0
        for language, dialogues in spoken.items():
            for said in stretches(dialogues, length):
                count += 1
                right["written"] += likeliest(said) == language
                right["plain"] += likeliest([without_accents(word) for word in said]) == language
                if language != "en":
                    foreign += 1
                    right["garbled"] += likeliest(garbled(said, english, chance)) == language
        shares = [(right["written"], count), (right["plain"], count), (right["garbled"], foreign)]
        print(f"{length} | " + " | ".join(f"{n} of {of} ({n / of:.1%})" for n, of in shares))


def followed(dialogue: list[str], current: str) -> tuple[str, int] | None:
    """The language that a call answered in `current` is switched to, and after how many words; None if it
    isn't.
    """
    finals: list[Spoken] = []
    heard = 0
    for turn in dialogue:
        count = len(list(words(turn)))
        heard += count
        finals.append(Spoken(count, profiles().odds(turn)))
        new = switched(current, finals)
        if new is not None:
            return new, heard
    return None


def whole_calls(spoken: Callers) -> None:
    rightly = wrongly = missed = falsely = own = 0
    after: list[int] = []
    for language, dialogues in spoken.items():
        for dialogue in dialogues:
            own += 1
            falsely += followed(dialogue, language) is not None
            for current in LANGUAGES:
                if current == language:
                    continue
                found = followed(dialogue, current)
                missed += found is None
                if found is not None:
                    rightly += found[0] == language
                    wrongly += found[0] != language
                    after.append(found[1])
    after.sort()
    print(f"calls answered in another language: {rightly} followed, {wrongly} to a third one, {missed} not")
    print(f"words until then: median {after[len(after) // 2]}, 95 % within {after[len(after) * 95 // 100]}")
    print(f"calls answered in their own language: {falsely} of {own} switched")


def main() -> None:
    """Prints both tables."""
    spoken = callers()
    accuracy(spoken)
    whole_calls(spoken)


if __name__ == "__main__":
    main()
