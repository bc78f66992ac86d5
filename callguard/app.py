"""The ASGI application: `uvicorn callguard.app:app`."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from callguard.bootstrap import Services, open_services
from callguard.config import load_settings
from callguard.errors import DatabaseError
from callguard.trust.logs import set_up_logs

HEALTH_SECONDS = 2.0
# What the database, or the spool in its stead, writes in a day of many calls.
LEAST_DISK_MB = 200


def routes_of(services: Services) -> list[BaseRoute]:
    """Every door of the server."""

    async def health(_request: Request) -> JSONResponse:
        return JSONResponse(await _health(services))

    return [*services.routes, Route("/health", health)]


async def _health(services: Services) -> dict[str, object]:
    """Always 200 while calls connect; the fields tell what is degraded."""
    try:
        async with asyncio.timeout(HEALTH_SECONDS), services.database.session() as session:
            await session.rows("tenants.ids")
        database = "up"
    except (DatabaseError, TimeoutError):
        database = "away"
    free_mb = shutil.disk_usage(services.settings.data_dir).free // 2**20
    is_well = database == "up" and not len(services.spool) and free_mb >= LEAST_DISK_MB
    return {
        "status": "ok" if is_well else "degraded",
        "database": database,
        "disk_free_mb": free_mb,
        "listening": services.listener.listening.is_set(),
        "spooled": len(services.spool),
        "streams": len(services.streams),
    }


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format)
    async with open_services(settings) as services:
        app.router.routes[:] = routes_of(services)
        yield


# Its routes exist once its services do: nothing is opened at import.
app = Starlette(lifespan=_lifespan)
