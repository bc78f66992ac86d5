"""Settings in, running services out: started in order, and ended in the opposite one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from starlette.routing import BaseRoute

from callguard.config import Settings
from callguard.db import migrate
from callguard.db.listen import Listener
from callguard.db.pool import Database
from callguard.errors import DatabaseUnavailable, EmbeddedPostgresError, SchemaOutdated
from callguard.heartbeat import Heartbeat
from callguard.local.postgres import Cluster, DataFolderLock, EmbeddedPostgres
from callguard.media.endpoint import LiveStreams
from callguard.parts import Task, all_parts, lay_ground
from callguard.transcript.spool import Spool
from callguard.trust.keys import Keys, load_keys
from callguard.worker import Worker

KEYWORD_CHANNEL = "keyword_detected"
SUPERVISE_SECONDS = 2.0
RESTART_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What runs, and the doors it serves. `stopping` is set when the server begins to stop."""

    settings: Settings
    keys: Keys
    database: Database
    spool: Spool
    listener: Listener
    streams: LiveStreams
    routes: list[BaseRoute]
    stopping: asyncio.Event


@asynccontextmanager
async def database_urls(
    settings: Settings, say: Callable[[str], None] | None = None
) -> AsyncIterator[Cluster]:
    """The database to use: the one configured, or the embedded one, started or joined.

    Raises EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        owner = settings.database_url.get_secret_value()
        app = settings.database_app_url
        yield Cluster(owner_dsn=owner, app_dsn=app.get_secret_value() if app else owner)
        return
    async with EmbeddedPostgres(settings.data_dir, say=say) as cluster:
        yield cluster


@asynccontextmanager
async def open_services(settings: Settings, stopping: asyncio.Event | None = None) -> AsyncIterator[Services]:
    """Everything that serves, from start to clean stop.

    Raises:
        DataFolderInUse, EmbeddedPostgresError, ConfigurationError, SchemaOutdated: what is wrong, and what
        to do.

    """
    async with AsyncExitStack() as stack:
        keys = await asyncio.to_thread(load_keys, settings)
        if keys.fresh:
            log.warning(
                "master_key_made",
                keep_a_copy_of=str(keys.path),
                why="without it what it sealed can't be read",
            )
        embedded: EmbeddedPostgres | None = None
        if settings.database_url is None:
            stack.enter_context(DataFolderLock(settings.data_dir))
            embedded = EmbeddedPostgres(settings.data_dir)
            cluster = await stack.enter_async_context(embedded)
            await migrate.migrate(cluster.owner_dsn)
        else:
            cluster = await stack.enter_async_context(database_urls(settings))
            await _check_schema(cluster.owner_dsn)
        services, tasks = await _build(settings, keys, cluster, stack, stopping or asyncio.Event())
        if embedded is not None:
            tasks["embedded_postgres"] = lambda: _supervise(embedded)
        # The sign of life ends last: what is still being drained must not be taken over.
        await stack.enter_async_context(_in_background({"listener": services.listener.run}))
        await stack.enter_async_context(_in_background(tasks))
        stack.push_async_callback(services.streams.close_all)
        stack.callback(services.stopping.set)
        yield services


async def _check_schema(owner_dsn: str) -> None:
    try:
        missing = await migrate.pending(owner_dsn)
    except DatabaseUnavailable as error:
        # Calls must connect all the same: from the route book, with facts spooled.
        log.error("database_away_at_start", code=error.code)
        return
    if missing:
        raise SchemaOutdated(f"The database lacks {', '.join(missing)}. Run: callguard migrate")


async def _build(
    settings: Settings, keys: Keys, cluster: Cluster, stack: AsyncExitStack, stopping: asyncio.Event
) -> tuple[Services, dict[str, Task]]:
    ground = await lay_ground(settings, keys, cluster.app_dsn, stack, stopping)
    parts = await all_parts(ground)
    listener = Listener(cluster.app_dsn, KEYWORD_CHANNEL, ground.wake)
    work = {kind: handler for part in parts for kind, handler in part.work.items()}
    worker = Worker(ground.database, work, ground.wake, holder=listener.present)
    services = Services(
        settings=settings,
        keys=keys,
        database=ground.database,
        spool=ground.spool,
        listener=listener,
        streams=ground.streams,
        stopping=stopping,
        routes=[route for part in parts for route in part.routes],
    )
    tasks = {name: task for part in parts for name, task in part.tasks.items()}
    tasks["worker"] = worker.run
    if settings.heartbeat_url is not None:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        tasks["heartbeat"] = Heartbeat(settings.heartbeat_url, worker.is_well, session).run
    return services, tasks


async def _supervise(embedded: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(SUPERVISE_SECONDS)
        try:
            await embedded.ensure_running()
        except EmbeddedPostgresError as error:
            log.error("embedded_postgres_not_running", code=error.code)


@asynccontextmanager
async def _in_background(tasks: Mapping[str, Task]) -> AsyncIterator[None]:
    running = [asyncio.create_task(_restarting(name, run), name=name) for name, run in tasks.items()]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _restarting(name: str, run: Task) -> None:
    """A bug in one part must not end the others, nor that part for good."""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001  # the docstring says why
            log.error("background_task_raised", task=name, error=type(error).__name__)
        await asyncio.sleep(RESTART_SECONDS)
