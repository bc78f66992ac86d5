"""A server is killed at every step of one call, over two servers and over one that is started again; and at
random steps of as many calls as `--kills` says.

    python -m tests.chaos [--kills 200] [--seed N] [--state FILE]

With a state file a run that was broken off goes on where it was.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from callguard.config import load_settings
from callguard.db import migrate
from callguard.local.postgres import EmbeddedPostgres
from tests.chaos.house import House, Outcome, open_house
from tests.integration.local.postgres_bench import passable_folder


@dataclass(frozen=True, slots=True)
class Kill:
    """One call, and what became of it after a kill at a step of it."""

    plan: str
    servers: int
    step: str
    killed: bool
    bridged: bool
    told: str
    taken_over_after: float | None
    faults: list[str]


class Ledger:
    """What was done, in memory and in a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.kills: list[Kill] = []
        if path is not None and path.exists():
            self.kills = [Kill(**json.loads(line)) for line in path.read_text().splitlines()]

    def has(self, plan: str) -> bool:
        return any(kill.plan == plan for kill in self.kills)

    def add(self, kill: Kill) -> None:
        self.kills.append(kill)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(kill)) + "\n")

    def summary(self) -> str:
        told = Counter(kill.told for kill in self.kills)
        slowest = max((kill.taken_over_after or 0 for kill in self.kills), default=0)
        return (
            f"{sum(kill.killed for kill in self.kills)} kills in {len(self.kills)} calls: "
            f"{sum(kill.bridged for kill in self.kills)} bridged; alerts sent once in {told['once']}, "
            f"duplicated in {told['twice']}, lost in {told['lost']}; slowest take-over {slowest:.1f} s"
        )


async def one_kill(house: House, servers: int, plan: str, step: str) -> Kill:
    """Places a call and kills at the step."""
    outcome: Outcome = await house.place(step)
    return Kill(
        plan,
        servers,
        step,
        outcome.killed,
        outcome.bridged,
        outcome.told,
        outcome.taken_over_after,
        outcome.faults,
    )


def plans(steps: list[str], servers: int, kills: int, seed: int) -> Iterator[tuple[str, str]]:
    """What is done over so many servers: a name and a step each."""
    for step in steps:
        yield f"{servers}: {step}", step
    if servers > 1:
        for number in range(kills):
            yield f"random {seed}-{number}", random.Random(f"{seed}-{number}").choice(steps)


async def campaign(ledger: Ledger, kills: int, seed: int) -> None:
    """Every kill that is not in the ledger yet."""
    for servers in (2, 1):
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            cluster = await stack.enter_async_context(
                EmbeddedPostgres(stack.enter_context(passable_folder()))
            )
            await migrate.migrate(cluster.owner_dsn)
            settings = load_settings(_env_file=None)
            house = await stack.enter_async_context(
                open_house(cluster, settings, folder, servers=servers, seed=seed)
            )
            steps = list((await house.place()).steps)
            for plan, step in plans(steps, servers, kills, seed):
                if ledger.has(plan):
                    continue
                kill = await one_kill(house, servers, plan, step)
                ledger.add(kill)
                tell(f"{len(ledger.kills)} {plan}: {', '.join(kill.faults) or 'ok'}")


def tell(line: str) -> None:
    """To whoever runs it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--state", type=Path)
    wanted = parser.parse_args()
    ledger = Ledger(wanted.state)
    tell(f"Seed {wanted.seed}")
    asyncio.run(campaign(ledger, wanted.kills, wanted.seed))
    tell(ledger.summary())
    sys.exit(any(kill.faults for kill in ledger.kills))


if __name__ == "__main__":
    main()
