"""The stand-in as a whole: a REST server, a telephone exchange and a message carrier in the running loop."""

import asyncio
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from callguard.errors import ProtocolError
from callguard.local.twilio.account import Account, Numbers, PhoneNumber
from callguard.local.twilio.clock import Clock
from callguard.local.twilio.debugger import Debugger
from callguard.local.twilio.exchange import Announcement, Exchange
from callguard.local.twilio.faults import Faults
from callguard.local.twilio.handset import PhoneBook
from callguard.local.twilio.messaging import Message, Messaging
from callguard.local.twilio.network import Network
from callguard.local.twilio.plan import CallPlan, CallRecord
from callguard.local.twilio.rest import FrontDesk, RestRequest
from callguard.local.twilio.rest_account import MessagesApi, NumbersApi
from callguard.local.twilio.rest_calls import CallsApi
from callguard.local.twilio.rest_conferences import ConferencesApi
from callguard.local.twilio.rest_recordings import RecordingsApi
from callguard.local.twilio.webhooks import Webhooks
from callguard.speech.port import RecogniserFactory


class TwilioStandIn:
    """Twilio's side of the wire, for one account. Enter it to serve; leave it and nothing of it is left.

    `speed` shortens every delay; at math.inf no call time passes at all. Port 0 takes a free one. What the
    product got wrong is in `debugger`; `faults` makes the REST API misbehave.
    """

    def __init__(
        self,
        account: Account,
        *,
        phone_book: PhoneBook,
        numbers: Iterable[PhoneNumber] = (),
        recogniser: RecogniserFactory | None = None,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.account = account
        self.phone_book = phone_book
        self.numbers = Numbers(numbers)
        self.debugger = Debugger()
        self.faults = Faults()
        self.url = ""
        self._address = (host, port)
        webhooks = Webhooks(account, self.debugger)
        self._network = Network(account, Clock(speed), self.debugger, webhooks, recogniser)
        self.recordings = self._network.recordings
        self._exchange = Exchange(self._network, phone_book, self.numbers)
        self._messaging = Messaging(self._network, phone_book, self.numbers)
        self._connections = _Connections()
        self._front_desk = FrontDesk(
            account,
            self.faults,
            (
                *CallsApi(self._exchange).routes(),
                *ConferencesApi(self._exchange).routes(),
                *MessagesApi(account, self._messaging, self.numbers).routes(),
                *NumbersApi(account, self.numbers).routes(),
                *RecordingsApi(self.recordings).routes(),
            ),
            self._connections.abort,
        )
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> "TwilioStandIn":
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(self._address)
        except OSError as error:
            self._socket.close()
            raise ProtocolError(
                f"Port {self._address[1]} is taken; give the stand-in another, or 0."
            ) from error
        host, port = self._socket.getsockname()
        self.url = f"http://{host}:{port}"
        self._network.webhooks.open()
        self._server = _server(self._front_desk, self._connections)
        # Neither uvicorn's main loop nor its signal handlers: the process belongs to whoever runs the loop.
        await self._server.startup(sockets=[self._socket])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server:
            await _shut(self._server, self._connections)
        await self._exchange.close()
        await self._network.tasks.cancel()
        await self._network.webhooks.close()
        if error is None:
            self._network.tasks.raise_failures()

    async def place_call(self, plan: CallPlan) -> CallRecord:
        """Call a number of the account; returns when every leg has ended and every callback was delivered."""
        return await self._exchange.place(plan)

    async def receive_sms(self, from_number: str, to_number: str, body: str) -> Message:
        """Have somebody write to a number of the account; returns once its webhook has answered."""
        return await self._messaging.receive(from_number, to_number, body)

    async def settled(self) -> None:
        """Wait until nothing runs outside of placed calls: messages, their replies, calls made by REST."""
        await self._network.tasks.settled()

    def cut_streams(self) -> None:
        """Break the WebSocket of every media stream under way."""
        for leg in self._exchange.legs.values():
            for stream in leg.streams:
                stream.cut()

    def add_number(self, number: PhoneNumber) -> None:
        """Give the account a number, or change the one with its SID."""
        self.numbers.put(number)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every message in and out, oldest first."""
        return tuple(self._messaging.messages.values())

    @property
    def requests(self) -> tuple[RestRequest, ...]:
        """Every REST request, oldest first."""
        return tuple(self._front_desk.requests)

    @property
    def announcements(self) -> tuple[Announcement, ...]:
        """Everything that was spoken into conferences, oldest first."""
        return tuple(self._exchange.announcements)


class _Connections:
    """The open connections of the REST server by peer address, so that one can be broken on purpose."""

    def __init__(self) -> None:
        self._transports: dict[Any, asyncio.Transport] = {}

    def opened(self, transport: asyncio.Transport) -> None:
        self._transports[transport.get_extra_info("peername")] = transport

    def closed(self, transport: asyncio.Transport) -> None:
        self._transports.pop(transport.get_extra_info("peername"), None)

    def abort(self, peer: Any) -> None:  # noqa: ANN401 - an address as the socket gives it
        if peer is not None and tuple(peer) in self._transports:
            self._transports[tuple(peer)].abort()

    def abort_all(self) -> None:
        for transport in tuple(self._transports.values()):
            transport.abort()


async def _shut(server: uvicorn.Server, connections: _Connections) -> None:
    """At once: uvicorn's own shutdown waits for clients that keep their connections open."""
    for listening in server.servers:
        listening.close()
    connections.abort_all()
    while server.server_state.tasks:
        await asyncio.wait(tuple(server.server_state.tasks))


def _server(front_desk: FrontDesk, connections: _Connections) -> uvicorn.Server:
    class Protocol(HttpToolsProtocol):
        """Tells of its connection."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio calls it so
            super().connection_made(transport)
            connections.opened(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self.transport)
            super().connection_lost(exc)

    config = uvicorn.Config(
        front_desk.app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server
