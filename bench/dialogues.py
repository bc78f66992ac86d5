"""How long many dialogues take at no pace: the command a person would run, as a whole process, start
included.

The dialogues of tests/data/text/first_light.jsonl are repeated until there are enough.

    python -m bench.dialogues [--calls 500] [--json]
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parent.parent / "tests" / "data" / "text" / "first_light.jsonl"


def measure(calls: int) -> dict[str, float | int]:
    """Seconds of wall time, and how many of the calls alerted."""
    dialogues = [json.loads(line) for line in SOURCE.read_text().splitlines()]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for number, dialogue in enumerate(itertools.islice(itertools.cycle(dialogues), calls)):
            file.write(json.dumps(dialogue | {"id": f"{number}-{dialogue['id']}"}) + "\n")
        file.flush()
        command = [sys.executable, "-m", "callguard", "simulate", "--dialogue", file.name, "--speed", "max"]
        begun = time.monotonic()
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.monotonic() - begun
    reports = [json.loads(line) for line in ended.stdout.splitlines()]
    turns = sum(len(dialogue["turns"]) for dialogue in itertools.islice(itertools.cycle(dialogues), calls))
    return {
        "calls": len(reports),
        "turns": turns,
        "seconds": round(seconds, 1),
        "calls_a_second": round(len(reports) / seconds, 1),
        "alerted": sum(report["alerted"] for report in reports),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    figures = measure(wanted.calls)
    if wanted.json:
        print(json.dumps(figures))
        return
    print(
        "{calls} calls of {turns} turns in {seconds} s: {calls_a_second} a second; {alerted} alerted".format(
            **figures
        )
    )


if __name__ == "__main__":
    main()
