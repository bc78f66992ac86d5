"""`python -m bench.scorer`: what one look of the local scorer costs while words come in.

Authored validation dialogues of five languages grow by four words at a time, as partials do; each look scores
the whole call so far, by the shipped scorer and by the lexica alone, in one run and on one thread.
"""

import resource
import statistics
import time
from collections.abc import Iterator

from callguard.analysis.models import SHIPPED, load
from callguard.domain.transcript import Speaker, Utterance
from training.dialogue_counts import TEXTS, Dialogue, read

WORDS = 4
CALLS_OF_A_LANGUAGE = 20


def looks(dialogue: Dialogue) -> Iterator[list[Utterance]]:
    """The transcript at each look."""
    said: list[Utterance] = []
    for place, turn in enumerate(dialogue["turns"]):
        words, speaker = turn["text"].split(), Speaker(turn["speaker"])
        for heard in range(WORDS, len(words), WORDS):
            yield [*said, Utterance(speaker, " ".join(words[:heard]), False, place)]
        said.append(Utterance(speaker, turn["text"], True, place))
        yield list(said)


def main() -> None:
    """Prints milliseconds a look, for each scorer."""
    calls = [
        dialogue
        for language in sorted(path for path in TEXTS.iterdir() if path.is_dir())
        for dialogue in [d for d in read(language) if d["split"] == "validation"][:CALLS_OF_A_LANGUAGE]
    ]
    for name in (SHIPPED, "lexicon"):
        started = time.perf_counter()
        scorer = load(name)
        loaded = time.perf_counter() - started
        taken: list[float] = []
        for dialogue in calls:
            for words in looks(dialogue):
                started = time.thread_time()
                scorer.score(words, dialogue["lang"])
                taken.append(1000 * (time.thread_time() - started))
        centiles = statistics.quantiles(taken, n=100)
        print(
            f"{name}: {len(taken)} looks at {len(calls)} calls; CPU milliseconds a look: mean"
            f" {statistics.mean(taken):.2f}, median {centiles[49]:.2f}, p90 {centiles[89]:.2f}, p99"
            f" {centiles[98]:.2f}; loaded in {loaded:.2f} s;"
            f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most"
        )


if __name__ == "__main__":
    main()
