"""An installation of several server processes on one database, a call through it, and a killer beside it."""

import asyncio
import base64
import math
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from pydantic import SecretStr

from callguard.config import Settings
from callguard.db.pool import Database
from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY, handsets, move_in
from callguard.local.postgres import Cluster
from callguard.local.twilio import (
    Account,
    CallPlan,
    CallRecord,
    Connected,
    Conversation,
    DialogueConversation,
    PhoneNumber,
    RecogniserFactory,
    SpokenTurn,
    TwilioStandIn,
)
from callguard.trust.keys import load_keys
from tests.chaos.dealer import Dealer
from tests.chaos.servers import ServerProcess
from tests.integration.eventually import eventually
from tests.integration.population import rows

CALLEE, CALLER = Speaker.CALLEE, Speaker.CALLER
SCAM: Final = (
    (CALLEE, "hello this is margaret"),
    (CALLER, "officer daniels of the social security administration there is a warrant for your arrest"),
    (CALLEE, "oh my goodness what did i do"),
    (CALLER, "do not tell anyone about this call and do not hang up go to the store and buy gift cards"),
    (CALLEE, "all right i will get my purse"),
)
SETTLE_SECONDS: Final = 60.0
LOGIN: Final = "chaos_{}"

# Tells of each claim and each end of work, and by whose login it came about.
_WATCH: Final = """
    CREATE FUNCTION chaos_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_notify('chaos', concat_ws(' ', session_user, NEW.kind, NEW.state, NEW.attempts));
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos AFTER UPDATE OF state, fence ON work FOR EACH ROW
        WHEN (NEW.fence <> OLD.fence OR NEW.state <> OLD.state) EXECUTE FUNCTION chaos_tell()"""
_DUE: Final = """
    SELECT w.kind, w.state, w.attempts FROM work w
    WHERE w.state IN ('running', 'failed') OR w.state = 'pending' AND w.run_after <= clock_timestamp()"""
_TRANSCRIPT: Final = """
    SELECT e.speaker, e.text FROM transcription_events e JOIN active_calls c ON c.id = e.call_id
    WHERE c.call_sid = $1 AND e.is_final ORDER BY e.sequence_number"""


@dataclass(slots=True)
class Killer:
    """Acts, once, at the step named `at`: kills, unless told otherwise. `steps` are those that happened."""

    at: str | None = None
    act: Callable[[ServerProcess], None] | None = None
    steps: list[str] = field(default_factory=list)
    victim: str | None = None
    killed_at: float | None = None
    taken_over_after: float | None = None
    seen: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `messages`: how often each number got each text, which has a code of its own."""

    record: CallRecord
    steps: tuple[str, ...]
    killed: bool
    taken_over_after: float | None
    transcript: tuple[tuple[str, str], ...]
    messages: dict[tuple[str, str], int]
    alerts: tuple[tuple[str, str], ...]
    stuck: tuple[str, ...]

    @property
    def bridged(self) -> bool:
        """Whether caller and person spoke with one another."""
        return bool(self.record.of(Connected))

    @property
    def told(self) -> str:
        """`once`, `twice` or `lost`: of the texts to the relatives."""
        told = {number for number, _ in self.messages}
        if any(relative.phone_number not in told for relative in DEMO_FAMILY.relatives):
            return "lost"
        return "twice" if max(self.messages.values()) > 1 else "once"

    @property
    def faults(self) -> list[str]:
        """What is not as it must be, in words."""
        found = [] if self.bridged else ["not bridged"]
        if self.told != "once":
            found.append(f"alert {self.told}")
        if self.transcript != tuple((str(speaker), text) for speaker, text in SCAM):
            found.append(f"transcript of {len(self.transcript)} results")
        if any(status != "delivered" for kind, status in self.alerts if kind == "sms"):
            found.append("an alert's delivery is unknown")
        return found + [f"stuck: {work}" for work in self.stuck]


class House:
    """Servers behind a dealer, and the telephone network in front of it."""

    def __init__(self, cluster: Cluster, database: Database, stand_in: TwilioStandIn, seed: int) -> None:
        self.servers: list[ServerProcess] = []
        self.stand_in = stand_in
        self.cluster = cluster
        self.database = database
        self.killer = Killer()
        self.dealt: Counter[str] = Counter()
        self.dealer = Dealer("webhook", self.choose, self.witness)
        self.random = random.Random(seed)
        self._restarts: set[asyncio.Task[None]] = set()

    def choose(self) -> tuple[str, str] | None:
        """Any server that is up."""
        up = [server for server in self.servers if server.is_up]
        if not up:
            return None
        chosen = self.random.choice(up)
        self.dealt[chosen.name] += 1
        return chosen.name, chosen.url

    async def witness(self, step: str, name: str) -> None:
        """A step of the call; the killer may wait for it."""
        killer = self.killer
        killer.seen[step] += 1
        step = f"{step} {killer.seen[step]}"
        killer.steps.append(step)
        if step != killer.at or killer.victim is not None:
            return
        server = next(server for server in self.servers if server.name == name)
        if server.is_up:
            killer.victim, killer.killed_at = name, time.monotonic()
            (killer.act or self.kill)(server)

    def kill(self, server: ServerProcess) -> None:
        """Ends a server without warning; it is started again at once."""
        server.kill()
        restart = asyncio.create_task(self._restart(server))
        self._restarts.add(restart)
        restart.add_done_callback(self._restarts.discard)

    async def _restart(self, server: ServerProcess) -> None:
        await server.gone()
        await server.start()

    def work_moved(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        """What the database tells of its queue."""
        login, kind, state, attempts = str(payload).split()
        killer = self.killer
        is_claim = state == "running"
        if is_claim and attempts != "1" and killer.killed_at is not None:
            killer.taken_over_after = time.monotonic() - killer.killed_at
        step = f"work {kind} {'claimed' if is_claim else state}"
        task = asyncio.ensure_future(self.witness(step, login.removeprefix(LOGIN.format(""))))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def all_up(self) -> None:
        """Waits for what restarts."""
        while self._restarts:
            await asyncio.wait(self._restarts)

    async def place(
        self,
        kill_at: str | None = None,
        *,
        act: Callable[[ServerProcess], None] | None = None,
        conversation: Conversation | None = None,
    ) -> Outcome:
        """One scam call from its first ring to the end of what it gave rise to; with a kill at one step."""
        killer = self.killer = Killer(kill_at, act)
        told_before = len(self.stand_in.messages)
        record = await self.stand_in.place_call(
            CallPlan(
                from_number=f"+120255501{self.random.randrange(50, 99)}",
                to_number=DEMO_FAMILY.twilio_number,
                conversation=conversation or self.dialogue(SCAM),
                stir="A",
                forwarded_from=DEMO_FAMILY.phone_number,
            )
        )
        await self.stand_in.settled()
        stuck = await self.settle()
        await self.all_up()
        found = await rows(self.cluster, _TRANSCRIPT, record.call_sid)
        alerts = await rows(
            self.cluster,
            "SELECT a.alert_type, a.status FROM alerts a JOIN active_calls c ON c.id = a.call_id "
            "WHERE c.call_sid = $1 AND a.level = 'danger'",
            record.call_sid,
        )
        return Outcome(
            record,
            tuple(killer.steps),
            killer.victim is not None,
            killer.taken_over_after,
            tuple((row["speaker"], row["text"]) for row in found),
            Counter((message.to_number, message.body) for message in self.stand_in.messages[told_before:]),
            tuple((row["alert_type"], row["status"]) for row in alerts),
            stuck,
        )

    def dialogue(self, turns: Sequence[tuple[Speaker, str]]) -> DialogueConversation:
        """The words, each turn after the work that the one before it gave rise to."""

        async def after_turn(_call_sid: str, _turn: int) -> None:
            await self.settle()

        return DialogueConversation([SpokenTurn(*turn) for turn in turns], after_turn, "en")

    async def settle(self) -> tuple[str, ...]:
        """Waits until no work is due; what is so still after SETTLE_SECONDS, or failed."""

        async def look() -> list[asyncpg.Record]:
            return await rows(self.cluster, _DUE)

        try:
            due = await eventually(
                look, lambda due: all(row["state"] == "failed" for row in due), SETTLE_SECONDS
            )
        except AssertionError:
            due = await look()
        return tuple("{kind} {state} {attempts}".format(**dict(row)) for row in due)


@asynccontextmanager
async def open_house(
    cluster: Cluster,
    settings: Settings,
    folder: Path,
    *,
    servers: int = 2,
    seed: int = 0,
    speed: float = math.inf,
    recogniser: RecogniserFactory | None = None,
    shared_folder: bool = True,
) -> AsyncIterator[House]:
    """`servers` processes on a migrated, empty database; `settings` give what else they share."""
    settings = settings.model_copy(update={"data_dir": folder / "data"})
    keys = load_keys(settings)
    async with AsyncExitStack() as stack:
        database = Database(cluster.app_dsn, size=4)
        stack.push_async_callback(database.close)
        await move_in(database)
        stand_in = await stack.enter_async_context(
            TwilioStandIn(
                Account(sid=keys.twilio_account_sid, auth_token=keys.twilio_auth_token),
                phone_book=handsets(),
                recogniser=recogniser,
                speed=speed,
            )
        )
        house = House(cluster, database, stand_in, seed)
        dealer = await stack.enter_async_context(house.dealer)
        watching = await asyncpg.connect(cluster.owner_dsn)
        stack.push_async_callback(watching.close)
        await watching.execute(_WATCH)
        await watching.add_listener("chaos", house.work_moved)
        for number in range(servers):
            name = f"{number}"
            rest = await stack.enter_async_context(Dealer("REST", _always(name, stand_in.url), house.witness))
            own = settings.model_copy(
                update={
                    "port": 0,
                    "public_base_url": dealer.url,
                    "twilio_api_url": rest.url,
                    "database_url": SecretStr(cluster.owner_dsn),
                    "database_app_url": SecretStr(await _login(watching, cluster, name)),
                    "master_key": SecretStr(base64.urlsafe_b64encode(keys.master).decode()),
                    "data_dir": settings.data_dir if shared_folder else folder / f"data{name}",
                    "twilio_account_sid": keys.twilio_account_sid,
                    "twilio_auth_token": SecretStr(keys.twilio_auth_token),
                }
            )
            house.servers.append(ServerProcess(name, own, folder / f"server{name}.log"))
        stand_in.add_number(
            PhoneNumber(
                number=DEMO_FAMILY.twilio_number,
                voice_url=f"{dealer.url}/incoming-call#rc=2&rp=all&ct=2000&rt=5000",
                status_callback=f"{dealer.url}/call-status",
                sms_url=f"{dealer.url}/sms#rc=2&rp=all&ct=2000&rt=5000",
            )
        )
        await asyncio.gather(*(server.start() for server in house.servers))
        try:
            yield house
        finally:
            await house.all_up()
            for server in house.servers:
                if server.is_up:
                    server.kill()
                    await server.gone()


def _always(name: str, url: str) -> Callable[[], tuple[str, str]]:
    return lambda: (name, url)


async def _login(connection: "asyncpg.Connection[asyncpg.Record]", cluster: Cluster, name: str) -> str:
    """The database's address for a login of the server's own."""
    login, password = LOGIN.format(name), secrets.token_hex(8)
    if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", login):
        await connection.execute(f"CREATE ROLE {login} LOGIN IN ROLE callguard_app")
    await connection.execute(f"ALTER ROLE {login} PASSWORD '{password}'")
    parts = urlsplit(cluster.app_dsn)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}:{password}@{place}"))
