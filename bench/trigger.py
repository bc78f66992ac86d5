"""What the keyword trigger costs: transcript inserts a second without one, with the obvious one, with ours.

The obvious one runs after the insert, tries every keyword with ILIKE and notifies for every row that
matches. Each runs in a database of its own of one embedded Postgres, in turn and under the same load: eight
connections, one call each, every insert durable, one listener. `analysed` is ours with a worker beside it
that takes and finishes each request. The cost of a row is taken inside Postgres, without waiting for the
disk, in the round that was disturbed least, and less that of a row without a trigger.

    python -m bench.trigger [--connections 8] [--keywords 200] [--seconds 1.5] [--rounds 5] [--json]
"""

import argparse
import asyncio
import itertools
import json
import random
import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg

from callguard.analysis.catalogue import shipped_catalogue
from callguard.db import migrate, queue
from callguard.db.pool import Database
from callguard.domain.keywords import Matcher
from callguard.local.postgres import Cluster, EmbeddedPostgres

CHANNEL: Final = "keyword_detected"
TENANT: Final = UUID(int=1)
SHARES: Final = {"10 % match": 0.1, "all match": 1.0}
VARIANTS: Final = ("none", "obvious", "ours", "analysed")
SMALL_TALK: Final = """
    the a to and of you i it is that in we for on do this have be are not me my with was can will they there
    so about what just know up get go out all would like one her him when how now then think good see look
    come
"""
SYLLABLES: Final = ("lem", "rak", "mov", "tis", "suq", "pha", "gyn", "bex", "wod", "jif", "hul", "nar")
INSERT: Final = """
    INSERT INTO transcription_events (tenant_id, call_id, transcription_sid, sequence_number, speaker, text,
                                      match_text, is_final, language)
    VALUES ($1, $2, $3, $4, 'caller', $5, $6, true, 'en')"""
OBVIOUS: Final = """
    CREATE FUNCTION obvious() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        keywords text[] := ARRAY[{keywords}];
        found text[];
    BEGIN
        found := ARRAY(SELECT word FROM unnest(keywords) AS word WHERE NEW.text ILIKE '%' || word || '%');
        IF array_length(found, 1) > 0 THEN
            PERFORM pg_notify('keyword_detected', json_build_object(
                'call_id', NEW.call_id, 'keywords', found, 'transcript_id', NEW.id)::text);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER obvious AFTER INSERT ON transcription_events FOR EACH ROW EXECUTE FUNCTION obvious();"""


SPEAK: Final = """
    CREATE PROCEDURE speak(tenant uuid, call uuid, stock text[], matched boolean) LANGUAGE plpgsql AS $$
    BEGIN
        FOR n IN 1 .. cardinality(stock) LOOP
            INSERT INTO transcription_events (tenant_id, call_id, transcription_sid, sequence_number, speaker,
                                              text, match_text, is_final, language)
            VALUES (tenant, call, 'GT', n, 'caller', stock[n], CASE WHEN matched THEN stock[n] END, true,
            'en'); COMMIT;
        END LOOP;
    END $$;
    GRANT EXECUTE ON PROCEDURE speak TO callguard_app"""


@dataclass(frozen=True)
class Load:
    """What is said, by whom: `texts[share]` is a stock of results of which that share holds a keyword."""

    connections: int
    keywords: tuple[str, ...]
    texts: dict[str, list[str]]


def load(connections: int, keywords: int) -> Load:
    """The same for every run: sentences of 12 to 36 words without a keyword, some with one put in."""
    chance = random.Random(1)
    known = shipped_catalogue("en").phrases[: keywords // 2]
    invented = (
        f"{a}{b} {b}{c}" for a, b, c in itertools.product(("zu", "ko", "vee", "dra"), SYLLABLES, SYLLABLES)
    )
    phrases = tuple(itertools.islice(itertools.chain(known, invented), keywords))
    matcher = Matcher(phrases)

    def small_talk() -> list[str]:
        while True:
            words = chance.choices(SMALL_TALK.split(), k=chance.randint(12, 36))
            if not matcher.heard(" ".join(words)):
                return words

    def sentence(with_keyword: bool) -> str:
        words = small_talk()
        if with_keyword:
            words.insert(chance.randrange(len(words)), chance.choice(phrases).replace("*", ""))
        return " ".join(words)

    texts = {name: [sentence(n % 100 < share * 100) for n in range(1000)] for name, share in SHARES.items()}
    for stock in texts.values():
        chance.shuffle(stock)
    return Load(connections, phrases, texts)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the user who runs Postgres may pass through, whoever runs this."""
    folder = Path(tempfile.mkdtemp(prefix="callguard-bench-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def connected(dsn: str, **settings: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def prepare(cluster: Cluster, load: Load) -> dict[str, Cluster]:
    """A database for each variant, with the tenant, its keywords and its calls."""
    await migrate.migrate(cluster.owner_dsn)
    async with connected(cluster.owner_dsn) as owner:
        await owner.execute("INSERT INTO tenants (id, name) VALUES ($1, 'bench')", TENANT)
        await owner.execute(
            "INSERT INTO users (id, tenant_id, email, name, phone_number) VALUES ($1, $1, '', '', '')", TENANT
        )
        await owner.execute(
            "INSERT INTO keyword_catalogues (tenant_id, language, version, said, phrases, hints, published) "
            "VALUES ($1, 'en', 'v1', '{}', $2, '{}', true)",
            TENANT,
            list(load.keywords),
        )
        await owner.executemany(
            "INSERT INTO active_calls (id, tenant_id, user_id, call_sid, conference_name, caller_number, "
            "called_number, language) VALUES ($1, $2, $2, $3, '', '', '', 'en')",
            [(UUID(int=n), TENANT, f"CA{n}") for n in range(load.connections)],
        )
        await owner.execute(SPEAK)
        await owner.execute("ANALYZE")
    variants: dict[str, Cluster] = {}
    async with connected(cluster.owner_dsn.replace("/callguard?", "/postgres?")) as owner:
        for name in VARIANTS:
            await owner.execute(f"CREATE DATABASE bench_{name} TEMPLATE callguard")
            at = [
                urlunsplit(urlsplit(dsn)._replace(path=f"/bench_{name}"))
                for dsn in (cluster.owner_dsn, cluster.app_dsn)
            ]
            variants[name] = replace(cluster, owner_dsn=at[0], app_dsn=at[1])
    for name in ("none", "obvious"):
        async with connected(variants[name].owner_dsn) as owner:
            await owner.execute("DROP TRIGGER transcript_keyword_monitor ON transcription_events")
            if name == "obvious":
                quoted = ", ".join(f"'{phrase.replace('*', '')}'" for phrase in load.keywords)
                await owner.execute(OBVIOUS.format(keywords=quoted))
    return variants


async def forget(cluster: Cluster) -> None:
    """Nothing was said yet."""
    async with connected(cluster.owner_dsn) as owner:
        await owner.execute("TRUNCATE transcription_events, work")
        await owner.execute("UPDATE active_calls SET keywords = '{}', keyword_at = NULL")
        await owner.execute("CHECKPOINT")


async def speak(
    dsn: str, call: int, texts: list[str], matched: bool, seconds: float, **settings: str
) -> tuple[int, float]:
    """One call's results, each as soon as the one before is stored: how many, and how long it took."""
    async with connected(dsn, **{"callguard.tenant": str(TENANT)} | settings) as connection:
        insert = await connection.prepare(INSERT)
        sequence, begin = 0, perf_counter()
        while (now := perf_counter()) < begin + seconds:
            text = texts[sequence % len(texts)]
            await insert.fetch(TENANT, UUID(int=call), f"GT{call}", sequence, text, text if matched else None)
            sequence += 1
        return sequence, now - begin


async def analyse(dsn: str, wake: asyncio.Event) -> None:
    """A worker that has nothing to do for a request but to take it and to be done with it."""
    database = Database(dsn, size=2)
    try:
        while True:
            wake.clear()
            for work in await queue.claim(database, ["analyse"], 16):
                async with database.tenant(work.tenant_id) as session:
                    await queue.finish(session, work)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await wake.wait()
    finally:
        await database.close()


async def throughput(name: str, cluster: Cluster, load: Load, share: str, seconds: float) -> float:
    """Durable inserts a second of all connections together."""
    await forget(cluster)
    wake = asyncio.Event()
    worker = asyncio.create_task(analyse(cluster.app_dsn, wake)) if name == "analysed" else None
    async with connected(cluster.app_dsn) as listener:
        await listener.add_listener(CHANNEL, lambda *_: wake.set())
        begin = perf_counter()
        texts, matched = load.texts[share], name in ("ours", "analysed")
        spoken = await asyncio.gather(
            *(speak(cluster.app_dsn, call, texts, matched, seconds) for call in range(load.connections))
        )
        elapsed = perf_counter() - begin
        await listener.reset()
    if worker is not None:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    return sum(stored for stored, _ in spoken) / elapsed


async def row_cost(name: str, cluster: Cluster, load: Load, share: str) -> float:
    """Microseconds of a row inside Postgres."""
    await forget(cluster)
    own = {"callguard.tenant": str(TENANT), "synchronous_commit": "off"}
    texts, matched = load.texts[share], name in ("ours", "analysed")
    async with connected(cluster.app_dsn, **own) as connection:
        begin = perf_counter()
        await connection.execute("CALL speak($1, $2, $3, $4)", TENANT, UUID(int=0), texts, matched)
        return (perf_counter() - begin) * 1e6 / len(texts)


async def bench(connections: int, keywords: int, seconds: float, rounds: int) -> dict[str, Any]:
    said = load(connections, keywords)
    kinds = [(name, share) for share in SHARES for name in VARIANTS]
    rates: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    costs: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    with open_folder() as folder:
        async with EmbeddedPostgres(folder / "data") as cluster:
            variants = await prepare(cluster, said)
            for _ in range(rounds):
                for name, share in kinds:
                    rates[name, share].append(await throughput(name, variants[name], said, share, seconds))
                    if name != "analysed":
                        costs[name, share].append(await row_cost(name, variants[name], said, share))
    return {
        "connections": connections,
        "keywords": keywords,
        "rounds": rounds,
        "results": {share: _results(share, rates, costs) for share in SHARES},
    }


def _results(
    share: str, rates: dict[tuple[str, str], list[float]], costs: dict[tuple[str, str], list[float]]
) -> dict[str, dict[str, float | None]]:
    bare = min(costs["none", share])
    found: dict[str, dict[str, float | None]] = {}
    for name in VARIANTS:
        measured = rates[name, share]
        cost = costs[name, share]
        found[name] = {
            "rows_per_s": round(statistics.median(measured)),
            "least": round(min(measured)),
            "most": round(max(measured)),
            "trigger_us_per_row": round(min(cost) - bare, 1) if cost else None,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.trigger")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--keywords", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = asyncio.run(bench(options.connections, options.keywords, options.seconds, options.rounds))
    if options.json:
        print(json.dumps(report))
        return
    print("{connections} connections, {keywords} keywords, median of {rounds} rounds".format(**report))
    for share, variants in report["results"].items():
        for name, row in variants.items():
            cost = "" if row["trigger_us_per_row"] is None else f"{row['trigger_us_per_row']:8.1f} us/row"
            print(f"{share:11} {name:9} {row['rows_per_s']:6} rows/s ({row['least']}-{row['most']}) {cost}")


if __name__ == "__main__":
    main()
