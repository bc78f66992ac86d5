"""Reverse proxies between the stand-in and the servers: they deal requests out, and tell what passes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Self

import aiohttp
from aiohttp import web

from tests.integration.eventually import eventually

# As long as a supervisor that holds the listening socket would keep a request while a server restarts.
HELD_SECONDS: Final = 10.0
_HOP_BY_HOP: Final = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}

Witness = Callable[[str, str], Awaitable[None]]
"""Told of a step by its name, and of the server that takes part in it."""


class Dealer:
    """Hands each request to a backend of `choose`'s, a name and a URL. One that dies over it costs the reply.

    The witness hears of `<name> <path> asked` before a request goes on, and `… answered` before its reply
    does.
    """

    def __init__(
        self, name: str, choose: Callable[[], tuple[str, str] | None], witness: Witness, *, port: int = 0
    ) -> None:
        self._name = name
        self._choose = choose
        self._witness = witness
        self._port = port
        self.url = ""
        self.streams: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._deal)
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(force_close=True),
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _deal(self, request: web.Request) -> web.StreamResponse:
        backend = await self._backend()
        if backend is None:
            return _no_reply(request)
        name, url = backend
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pipe(request, name, url)
        body = await request.read()
        step = f"{self._name} {request.method} {_short(request.path)}"
        await self._witness(f"{step} asked", name)
        try:
            async with self._session.request(
                request.method, url + request.path_qs, data=body, headers=_end_to_end(request.headers)
            ) as reply:
                answer = await reply.read()
        except aiohttp.ClientError:
            return _no_reply(request)
        await self._witness(f"{step} answered", name)
        return web.Response(status=reply.status, body=answer, headers=_end_to_end(reply.headers))

    async def _backend(self) -> tuple[str, str] | None:
        async def look() -> tuple[str, str] | None:
            return self._choose()

        try:
            return await eventually(look, lambda backend: backend is not None, HELD_SECONDS)
        except AssertionError:
            return None

    async def _pipe(self, request: web.Request, name: str, url: str) -> web.StreamResponse:
        front = web.WebSocketResponse(compress=False)
        try:
            behind = await self._session.ws_connect(
                url + request.path_qs, headers=_signed(request.headers), autoclose=True, compress=0
            )
        except aiohttp.ClientError:
            return _no_reply(request)
        await front.prepare(request)
        self.streams[name] = self.streams.get(name, 0) + 1
        try:
            pumps = [asyncio.create_task(_pump(front, behind)), asyncio.create_task(_pump(behind, front))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
        finally:
            self.streams[name] -= 1
            await behind.close()
            await front.close()
        return front


async def _pump(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _signed(headers: Mapping[str, str]) -> dict[str, str]:
    return {"X-Twilio-Signature": headers.get("X-Twilio-Signature", "")}


def _no_reply(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


def _short(path: str) -> str:
    """A path without account and SIDs."""
    return "/".join(part for part in path.split("/") if len(part) < 34 and part != "2010-04-01")
