"""Running the application: as the process's whole purpose, or beside other things in a running loop."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from callguard.app import routes_of
from callguard.bootstrap import Services, open_services
from callguard.config import Settings
from callguard.errors import ConfigurationError
from callguard.media.messages import MAX_FRAME_BYTES
from callguard.media.socket import MediaSocket

DRAIN_SECONDS = 5


class _Server(uvicorn.Server):
    """Says when it is up, and tells long-lived responses to end before it waits for them."""

    def __init__(self, services: Services, *, owns_process: bool) -> None:
        settings = services.settings
        super().__init__(
            uvicorn.Config(
                Starlette(routes=routes_of(services)),
                lifespan="off",
                log_config=None,
                access_log=False,
                ws=MediaSocket,
                ws_max_size=2 * MAX_FRAME_BYTES,  # what is over the limit is the session's to refuse
                ws_per_message_deflate=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._stopping = services.stopping
        self._owns_process = owns_process
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if not self._owns_process:
            yield
            return
        with super().capture_signals():
            yield
            # uvicorn would end the process by the same signal now, and with it what is still being drained.
            self._captured_signals.clear()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        self._stopping.set()
        self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """The listening socket; port 0 takes a free one. Raises ConfigurationError."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {host} can't be listened on ({os.strerror(error.errno or 0)}). "
            "Stop what uses it, or choose another: --port N."
        ) from error


async def serve(settings: Settings, ready: Callable[[Services], None]) -> None:
    """Serves until SIGINT or SIGTERM, then drains. Raises as `open_services` and `bind` do."""
    with contextlib.closing(bind(settings.host, settings.port)) as listening:
        settings = _with_port(settings, listening)
        async with open_services(settings) as services:
            server = _Server(services, owns_process=True)
            announcing = asyncio.create_task(_announce(server, services, ready))
            await server.serve([listening])
            announcing.cancel()


async def _announce(server: _Server, services: Services, ready: Callable[[Services], None]) -> None:
    await server.up.wait()
    ready(services)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Services]:
    """A server beside other things in this loop; `services.settings.base_url` is its address."""
    with contextlib.closing(bind(settings.host, settings.port)) as listening:
        settings = _with_port(settings, listening)
        async with open_services(settings) as services:
            server = _Server(services, owns_process=False)
            running = asyncio.create_task(server.serve([listening]))
            up = asyncio.create_task(server.up.wait())
            try:
                await asyncio.wait([running, up], return_when=asyncio.FIRST_COMPLETED)
                yield services
            finally:
                up.cancel()
                server.stop()
                await running


def _with_port(settings: Settings, listening: socket.socket) -> Settings:
    return settings.model_copy(update={"port": listening.getsockname()[1]})
