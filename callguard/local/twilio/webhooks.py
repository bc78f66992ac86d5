"""Webhooks as Twilio sends them: signed, with idempotency token, connection overrides, retries, fallback."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urldefrag, urlencode, urlsplit
from uuid import uuid4

import aiohttp
from twilio.request_validator import RequestValidator
from yarl import URL

from callguard.errors import ProtocolError
from callguard.local.twilio import debugger as codes
from callguard.local.twilio.account import Account
from callguard.local.twilio.debugger import Debugger
from callguard.local.twilio.options import Source
from callguard.local.twilio.tasks import Tasks
from callguard.local.twilio.twiml import Document, parse

Params = Mapping[str, str]
FAILURE_POLICIES = frozenset({"4xx", "5xx", "ct", "rt"})
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Overrides:
    """The connection overrides of a webhook URL, which stand in its fragment. Times are milliseconds."""

    connect_ms: int = 5000
    read_ms: int = 15000
    total_ms: int = 15000
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})

    @classmethod
    def parse(cls, fragment: str) -> "Overrides":
        """Read a fragment such as `rc=2&rp=all&ct=2000&rt=3000`; a wrong one is a ProtocolError."""
        given = dict(parse_qsl(fragment))
        policy = frozenset(given.get("rp", "ct").split(","))
        try:
            overrides = cls(
                connect_ms=int(given.get("ct", 5000)),
                read_ms=int(given.get("rt", 15000)),
                total_ms=int(given.get("tt", 15000)),
                retries=int(given.get("rc", 1)),
                policy=FAILURE_POLICIES if "all" in policy else policy,
            )
        except ValueError as error:
            raise ProtocolError("The times and counts in a webhook's fragment must be numbers.") from error
        fits = (
            100 <= overrides.connect_ms <= 10000
            and 100 <= overrides.read_ms <= 15000
            and 100 <= overrides.total_ms <= 15000
            and 0 <= overrides.retries <= 5
            and overrides.policy <= FAILURE_POLICIES
        )
        if not fits:
            raise ProtocolError("A webhook's fragment asks for more than Twilio allows.")
        return overrides


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a webhook. `failure` is the kind that a retry policy names, or empty."""

    text: str = ""
    failure: str = ""
    code: int = 0


class Webhooks:
    """Sends webhooks over one connection pool and tells the debugger of those that fail."""

    def __init__(self, account: Account, debugger: Debugger) -> None:
        self._validator = RequestValidator(account.auth_token)
        self._debugger = debugger
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make the connection pool; needs the running loop."""
        # uvicorn drops idle connections after 5 s: let go of them first, or a request may meet the closing.
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=3)
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
        )

    async def close(self) -> None:
        """Give the connections back."""
        if self._session:
            await self._session.close()

    def signature(self, url: str, params: Params) -> str:
        """X-Twilio-Signature over a full URL and POST parameters; a fragment is never part of it."""
        return str(self._validator.compute_signature(urldefrag(url).url, dict(params)))

    async def send(self, url: str, params: Params, method: str = "POST") -> Reply:
        """Deliver one webhook, with the retries that its URL asks for, all under one idempotency token."""
        address, fragment = urldefrag(url)
        try:
            overrides = Overrides.parse(fragment)
        except ProtocolError as error:
            self._debugger.tell(codes.INVALID_OVERRIDE, error.message, params.get("CallSid", ""))
            overrides = Overrides()
        body = urlencode(params)
        if method == "GET":
            address += ("&" if urlsplit(address).query else "?") + body
            headers = self._headers(self.signature(address, {}))
        else:
            headers = self._headers(self.signature(address, params))
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        reply = await self._deliver(address, None if method == "GET" else body.encode(), headers, overrides)
        if reply.failure:
            path = urlsplit(address).path
            self._debugger.tell(reply.code, f"{path} failed: {reply.failure}", params.get("CallSid", ""))
        return reply

    def _headers(self, signature: str) -> dict[str, str]:
        return {
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": str(uuid4()),
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }

    async def _deliver(
        self, address: str, body: bytes | None, headers: dict[str, str], overrides: Overrides
    ) -> Reply:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + overrides.total_ms / 1000
        reply = Reply(failure="rt", code=codes.RETRIEVAL_FAILURE)
        for _ in range(overrides.retries + 1):
            remaining = deadline - loop.time()
            if remaining <= 0:
                break
            timeout = aiohttp.ClientTimeout(
                total=remaining,
                sock_connect=overrides.connect_ms / 1000,
                sock_read=overrides.read_ms / 1000,
            )
            reply = await self._attempt(address, body, headers, timeout)
            if reply.failure not in overrides.policy:
                break
        return reply

    async def _attempt(
        self, address: str, body: bytes | None, headers: dict[str, str], timeout: aiohttp.ClientTimeout
    ) -> Reply:
        if self._session is None:
            raise ProtocolError("The stand-in isn't running; enter it before it sends webhooks.")
        method = "GET" if body is None else "POST"
        try:
            async with self._session.request(
                method,
                URL(address, encoded=True),
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                text = await response.text()
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL) as error:
            # A connection dropped before any reply counts as failed: it may have been closed while idle.
            is_timeout = isinstance(error, aiohttp.SocketTimeoutError)
            failure, code = (
                ("rt", codes.RETRIEVAL_FAILURE) if is_timeout else ("ct", codes.CONNECTION_FAILURE)
            )
            return Reply(failure=failure, code=code)
        except (TimeoutError, aiohttp.ClientError, UnicodeDecodeError):
            return Reply(failure="rt", code=codes.RETRIEVAL_FAILURE)
        if response.status >= 400 or 300 <= response.status < 400:
            return Reply(text, f"{response.status // 100}xx", codes.RETRIEVAL_FAILURE)
        return Reply(text)

    async def document(self, source: Source, params: Params) -> Document | None:
        """Fetch TwiML; from the fallback URL if the first can't give it, and None when neither can."""
        call_sid = params.get("CallSid", "")
        reply = await self.send(source.url, params, source.method)
        document = self.read(reply.text, source.url, call_sid) if not reply.failure else None
        if document is None and source.fallback_url:
            code = reply.code or codes.DOCUMENT_PARSE_FAILURE
            extra = {"ErrorCode": str(code), "ErrorUrl": urldefrag(source.url).url}
            reply = await self.send(source.fallback_url, {**params, **extra}, source.fallback_method)
            document = self.read(reply.text, source.fallback_url, call_sid) if not reply.failure else None
        return document

    def read(self, xml: str, url: str, call_sid: str) -> Document | None:
        """Parse TwiML, telling the debugger what is wrong with it; None when it can't be used."""
        try:
            document = parse(xml, urldefrag(url).url)
        except ProtocolError as error:
            self._debugger.tell(codes.DOCUMENT_PARSE_FAILURE, error.message, call_sid)
            return None
        for warning in document.warnings:
            self._debugger.tell(codes.TWIML_WARNING, warning, call_sid)
        return document


class Deliveries:
    """Webhooks that must arrive in order: one at a time, by a worker that lives only while some wait."""

    def __init__(self, webhooks: Webhooks, tasks: Tasks) -> None:
        self._webhooks = webhooks
        self._tasks = tasks
        self._waiting: deque[tuple[str, Params, str]] = deque()
        self._worker: asyncio.Task[None] | None = None

    def post(self, url: str, params: Params, method: str = "POST") -> None:
        """Add one to the end of the line."""
        self._waiting.append((url, params, method))
        if self._worker is None or self._worker.done():
            self._worker = self._tasks.spawn(self._work())

    async def _work(self) -> None:
        while self._waiting:
            url, params, method = self._waiting.popleft()
            await self._webhooks.send(url, params, method)

    async def drained(self) -> None:
        """Wait until everything posted so far has been delivered or given up."""
        while self._worker is not None and not self._worker.done():
            await asyncio.wait((self._worker,))


def compact_json(value: object) -> str:
    """JSON as Twilio writes it into a parameter."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
