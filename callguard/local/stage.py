"""Putting a call on: a stand-in, a server that knows it, and a family that lives there."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from callguard.bootstrap import Services, database_urls
from callguard.config import Settings
from callguard.db.pool import Database
from callguard.errors import ConfigurationError
from callguard.local.family import DEMO_FAMILY, Family, handsets, move_in
from callguard.local.scratch import scratch_database
from callguard.local.simulation import Simulator
from callguard.local.twilio import Account, PhoneNumber, RecogniserFactory, TwilioStandIn
from callguard.server import serving
from callguard.telephony.numbers import wanted_settings
from callguard.trust.keys import Keys, load_keys


@dataclass(frozen=True, slots=True)
class Stage:
    """A stand-in and what it rings. `services` is None where the server is another process."""

    simulator: Simulator
    stand_in: TwilioStandIn
    database: Database
    services: Services | None


@asynccontextmanager
async def in_process(
    settings: Settings,
    *,
    speed: float,
    recogniser: RecogniserFactory | None = None,
    family: Family = DEMO_FAMILY,
) -> AsyncIterator[Stage]:
    """A stand-in and a server in this process, the server on the port of the settings."""
    async with AsyncExitStack() as stack:
        keys = load_keys(settings)
        stand_in = await stack.enter_async_context(
            TwilioStandIn(_account(keys), phone_book=handsets(family), recogniser=recogniser, speed=speed)
        )
        settings = settings.model_copy(
            update={"twilio_api_url": stand_in.url, "twilio_account_sid": None, "twilio_auth_token": None}
        )
        services = await stack.enter_async_context(serving(settings))
        await move_in(services.database, family)
        _connect_number(stand_in, services.settings.base_url, family)
        yield Stage(Simulator(services.database, stand_in, family), stand_in, services.database, services)


@asynccontextmanager
async def in_scratch(
    settings: Settings, *, speed: float, recogniser: RecogniserFactory | None = None
) -> AsyncIterator[Stage]:
    """As `in_process`, leaving nothing behind: its database and its data folder go with it.

    A configured DATABASE_URL is used as it is: the calls stay there, under the demo family's tenant.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callguard-")))
        cluster = await stack.enter_async_context(database_urls(settings))
        if settings.database_url is None:
            cluster = await stack.enter_async_context(scratch_database(cluster))
        elsewhere = settings.model_copy(
            update={
                "data_dir": folder,
                "port": 0,
                "host": "127.0.0.1",
                "public_base_url": None,
                "database_url": SecretStr(cluster.owner_dsn),
                "database_app_url": SecretStr(cluster.app_dsn),
            }
        )
        yield await stack.enter_async_context(in_process(elsewhere, speed=speed, recogniser=recogniser))


@asynccontextmanager
async def beside(
    settings: Settings,
    server_url: str,
    *,
    speed: float,
    recogniser: RecogniserFactory | None = None,
    family: Family = DEMO_FAMILY,
) -> AsyncIterator[Stage]:
    """A stand-in for a running server in local mode that shares this data folder and database.

    Raises:
        ConfigurationError: the server is not in local mode, or the stand-in's port is taken.

    """
    if not settings.local_mode:
        raise ConfigurationError(
            "A Twilio account is configured: simulated calls would be mixed with real ones. "
            "Unset TWILIO_ACCOUNT_SID here and for the server, or leave out --server."
        )
    address = urlsplit(settings.twilio_base_url)
    async with AsyncExitStack() as stack:
        keys = load_keys(settings)
        cluster = await stack.enter_async_context(database_urls(settings))
        database = Database(cluster.app_dsn, size=settings.database_pool_size)
        stack.push_async_callback(database.close)
        await move_in(database, family)
        stand_in = await stack.enter_async_context(
            TwilioStandIn(
                _account(keys),
                phone_book=handsets(family),
                recogniser=recogniser,
                speed=speed,
                host=address.hostname or "127.0.0.1",
                port=address.port or 80,
            )
        )
        _connect_number(stand_in, server_url.rstrip("/"), family)
        yield Stage(Simulator(database, stand_in, family), stand_in, database, None)


def _account(keys: Keys) -> Account:
    return Account(sid=keys.twilio_account_sid, auth_token=keys.twilio_auth_token)


def _connect_number(stand_in: TwilioStandIn, base_url: str, family: Family) -> None:
    stand_in.add_number(PhoneNumber(family.twilio_number, **asdict(wanted_settings(base_url, ""))))
