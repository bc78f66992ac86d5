"""A product in miniature for the stand-in to talk to, and the unpatched SDK to talk to the stand-in with."""

import asyncio
import json
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from aiohttp import encode_basic_auth
from openapi_schema_validator import OAS30Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from callguard.domain.transcript import Speaker
from callguard.local.twilio import (
    Account,
    CallPlan,
    DialogueConversation,
    Handset,
    PhoneBook,
    PhoneNumber,
    RecogniserFactory,
    SpokenTurn,
    TwilioStandIn,
)

ACCOUNT = Account("AC" + "a" * 32, "a secret that signs")
TWILIO = "+12025550100"
PERSON = "+12025550110"
CALLER = "+12025550150"
CONTACT = "+12025550120"
DEADLINE_SECONDS = 10.0
# Of a caller whom nobody will answer: time enough for a test's own requests on a busy machine.
SHORT_PATIENCE = 0.8
API_DOCUMENT = Path(__file__).parents[2] / "data" / "twilio" / "twilio_api_v2010_subset.json"


@dataclass(frozen=True)
class Hook:
    """A webhook as the product received it, its signature verified."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    at: float = field(default_factory=monotonic)


Answering = Callable[[Hook], Awaitable[Response | str]]


class Receiver:
    """Takes webhooks and media streams, refuses what isn't signed, answers as the test says."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.frames: list[dict[str, Any]] = []
        self.unsigned: list[str] = []
        self.url = ""
        self.accepts_streams = True
        self.frames_before_dropping: float = math.inf
        self._answers: dict[str, Answering] = {}
        self._changed = asyncio.Condition()
        self._validator = RequestValidator(ACCOUNT.auth_token)
        self.app = Starlette(
            routes=[
                WebSocketRoute("/media", self._stream),
                Route("/{path:path}", self._hook, methods=["GET", "POST"]),
            ]
        )

    def answer(self, path: str, answering: Answering | str | Response) -> None:
        """Reply to a path with TwiML, a response, or what a function makes of the webhook."""
        if isinstance(answering, str | Response):
            fixed = answering

            async def always(_: Hook) -> Response | str:
                return fixed

            self._answers[path] = always
        else:
            self._answers[path] = answering

    async def _hook(self, request: Request) -> Response:
        body = (await request.body()).decode()
        params = dict(parse_qsl(body or request.url.query, keep_blank_values=True))
        url = self.url + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        signed = dict(parse_qsl(body, keep_blank_values=True))
        if not self._validator.validate(url, signed, request.headers.get("x-twilio-signature", "")):
            self.unsigned.append(request.url.path)
            return Response(status_code=403)
        hook = Hook(request.method, request.url.path, params, dict(request.headers))
        await self._keep(self.hooks, hook)
        answering = self._answers.get(request.url.path)
        answer = await answering(hook) if answering else Response(status_code=204)
        return Response(answer, media_type="text/xml") if isinstance(answer, str) else answer

    async def _stream(self, websocket: WebSocket) -> None:
        url = self.url.replace("http", "ws") + "/media"
        if not self._validator.validate(url, {}, websocket.headers.get("x-twilio-signature", "")):
            self.unsigned.append("/media")
        elif self.accepts_streams:
            await websocket.accept()
            try:
                while len(self.frames) < self.frames_before_dropping:
                    await self._keep(self.frames, {"at": monotonic(), **(await websocket.receive_json())})
                await websocket.close()
            except WebSocketDisconnect:
                return
        else:
            await websocket.close()

    async def _keep(self, kept: list[Any], thing: Any) -> None:
        async with self._changed:
            kept.append(thing)
            self._changed.notify_all()

    def of(self, path: str, **params: str) -> list[Hook]:
        """The webhooks to a path that carry these parameters."""
        return [
            hook for hook in self.hooks if hook.path == path and params.items() <= dict(hook.params).items()
        ]

    async def wait_for(self, path: str, count: int = 1, **params: str) -> Hook:
        """Wait until so many of them have come, and give the last."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.of(path, **params)) >= count)
        return self.of(path, **params)[count - 1]

    async def wait_for_frame(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait until so many messages of this kind have come on media streams."""

        def found() -> list[dict[str, Any]]:
            return [frame for frame in self.frames if frame["event"] == event]

        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]


class LocalHttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """The SDK's own client with another host; holds every exchange against Twilio's API document."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url
        self._document = api_document()

    async def request(self, method: str, url: str, **options: Any) -> Any:
        data = options.pop("data", None) or {}
        pairs = [
            (key, item)
            for key, value in data.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        form = [(key, str(item)) for key, item in pairs]
        url = url.replace("https://api.twilio.com", self._base_url)
        # The SDK hands credentials to aiohttp in a form that aiohttp is about to drop.
        user, password = options.pop("auth")
        headers = {**options.pop("headers"), "Authorization": encode_basic_auth(user, password)}
        response = await super().request(method, url, data=form or None, headers=headers, **options)
        names = {*data, *(options.get("params") or {})}
        self._document.check(method, url, names, response.status_code, response.text)
        return response


class ApiDocument:
    """Twilio's own contract."""

    def __init__(self) -> None:
        self._document = json.loads(API_DOCUMENT.read_text())
        self._validators: dict[str, Any] = {}
        self._paths = {
            tuple(path.strip("/").split("/")): operations
            for path, operations in self._document["paths"].items()
        }

    def check(self, method: str, url: str, names: Iterable[str], status: int, body: str) -> None:
        """Assert that a request and its reply are as the document says."""
        operation = self.check_request(method, url, names)
        if status >= 400:
            assert set(json.loads(body)) == {"code", "message", "more_info", "status"}
            return
        content = operation["responses"][str(status)].get("content")
        if content is None:
            assert not body
            return
        validator = self._validator(operation["operationId"], content["application/json"]["schema"])
        reply = json.loads(body)
        validator.validate(reply)
        _check_fields(reply, validator.schema)

    def check_request(self, method: str, url: str, names: Iterable[str]) -> dict[str, Any]:
        """Assert that the document knows the operation and each parameter; the operation."""
        operation = self._operation(method, url)
        unknown = set(names) - self._parameters(operation)
        assert not unknown, f"{unknown} are no parameters of {operation['operationId']}"
        return operation

    def _validator(self, operation_id: str, schema: Any) -> Any:
        if operation_id not in self._validators:
            self._validators[operation_id] = OAS30Validator(self._resolved(schema))
        return self._validators[operation_id]

    def _operation(self, method: str, url: str) -> dict[str, Any]:
        parts = urlsplit(url).path.strip("/").removesuffix(".json").split("/")
        for template, operations in self._paths.items():
            names = [name.removesuffix(".json") for name in template]
            fits = [name.startswith("{") or name == part for name, part in zip(names, parts, strict=False)]
            if len(names) == len(parts) and all(fits):
                operation: dict[str, Any] = operations[method.lower()]
                return operation
        raise AssertionError(f"{url} is no path of the document")

    def _parameters(self, operation: dict[str, Any]) -> set[str]:
        content = operation.get("requestBody", {}).get("content", {})
        bodies = [name for body in content.values() for name in body["schema"]["properties"]]
        return {*bodies, *(each["name"] for each in operation["parameters"])}

    def _resolved(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return [self._resolved(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            schema = self._resolved(self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
            # A status or reason that doesn't apply yet is null, though the document lists no null among them.
            return (
                {**schema, "enum": [*schema["enum"], None], "nullable": True} if "enum" in schema else schema
            )
        return {key: self._resolved(value) for key, value in schema.items()}


@cache
def api_document() -> ApiDocument:
    """Read once."""
    return ApiDocument()


def _check_fields(reply: Any, schema: Any) -> None:
    """Every field of a resource is there, and none that the document doesn't know."""
    if isinstance(reply, dict) and "properties" in schema:
        assert set(reply) == set(schema["properties"])
        for name, value in reply.items():
            _check_fields(value, schema["properties"][name])
    elif isinstance(reply, list):
        for value in reply:
            _check_fields(value, schema["items"])


@dataclass
class Bench:
    """The three together."""

    stand_in: TwilioStandIn
    receiver: Receiver
    client: Any

    def start(self, attributes: str = 'partialResults="true"', track: str = "both_tracks") -> str:
        """TwiML that transcribes and streams."""
        url, ws = self.receiver.url, self.receiver.url.replace("http", "ws")
        parameter = '<Parameter name="token" value="t"/>'
        return (
            f'<Start><Transcription statusCallbackUrl="{url}/transcription" {attributes}/></Start>'
            f'<Start><Stream url="{ws}/media" track="{track}">{parameter}</Stream></Start>'
        )

    def conference(self, attributes: str = 'endConferenceOnExit="true"', name: str = "Family") -> str:
        """TwiML that joins a conference."""
        events = "start end join leave mute hold modify announcement"
        callback = f"statusCallback='{self.receiver.url}/conference' statusCallbackEvent='{events}'"
        return (
            f"<Dial><Conference {attributes} participantLabel='caller' {callback}>{name}</Conference></Dial>"
        )

    def answers(self, *parts: str) -> None:
        """What the number answers calls with."""
        self.receiver.answer("/voice", f"<Response>{''.join(parts)}</Response>")

    def invites(self, *numbers: str, **options: Any) -> None:
        """Dial the first as soon as the caller is in the conference, the next when one can't be reached."""
        waiting = list(numbers)

        async def invite(hook: Hook) -> Response:
            event = hook.params["StatusCallbackEvent"]
            reached_nobody = hook.params.get("ReasonParticipantLeft") == "participant_add_failed"
            is_caller = event == "participant-join" and hook.params.get("ParticipantLabel") == "caller"
            if (is_caller or reached_nobody) and waiting:
                await self.client.conferences(hook.params["ConferenceSid"]).participants.create_async(
                    from_=TWILIO,
                    to=waiting.pop(0),
                    label=f"person {len(waiting)}",
                    status_callback=f"{self.receiver.url}/leg",
                    status_callback_event=["initiated", "ringing", "answered", "completed"],
                    **options,
                )
            return Response(status_code=204)

        self.receiver.answer("/conference", invite)

    def transcripts(self, **params: str) -> list[tuple[str, str, bool]]:
        """Track, text and whether final of every result that was told."""
        told = self.receiver.of("/transcription", TranscriptionEvent="transcription-content", **params)
        texts = [json.loads(hook.params["TranscriptionData"])["transcript"] for hook in told]
        return [
            (hook.params["Track"], text, hook.params["Final"] == "true")
            for hook, text in zip(told, texts, strict=True)
        ]


def dialogue(*lines: str, **options: Any) -> DialogueConversation:
    """Lines of a dialogue; the caller begins and they take turns."""
    speakers = (Speaker.CALLER, Speaker.CALLEE)
    turns = [SpokenTurn(speakers[number % 2], line) for number, line in enumerate(lines)]
    return DialogueConversation(turns, **options)


def plan(*lines: str, **options: Any) -> CallPlan:
    """A call to the number with a dialogue in it."""
    conversation = options.pop("conversation", None) or dialogue(*(lines or ("hello", "yes who is there")))
    facts = {"from_number": CALLER, "to_number": TWILIO, "patience_seconds": 10.0, **options}
    return CallPlan(conversation=conversation, **facts)


def number(url: str, **options: Any) -> PhoneNumber:
    """The number, asking a receiver."""
    hooks = {"voice_url": f"{url}/voice", "status_callback": f"{url}/status", "sms_url": f"{url}/sms"}
    return PhoneNumber(TWILIO, **{**hooks, **options})


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """An application on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        for each in server.servers:
            each.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        while server.server_state.tasks:
            await asyncio.wait(tuple(server.server_state.tasks))


@asynccontextmanager
async def bench(
    *handsets: Handset,
    speed: float = math.inf,
    recogniser: RecogniserFactory | None = None,
    **options: Any,
) -> AsyncIterator[Bench]:
    """A receiver, a stand-in whose number asks it, and the SDK."""
    receiver = Receiver()
    async with served(receiver.app) as url:
        receiver.url = url
        stand_in = TwilioStandIn(
            ACCOUNT,
            phone_book=PhoneBook(handsets or (Handset(PERSON), Handset(CONTACT))),
            numbers=[number(url, **options)],
            speed=speed,
            recogniser=recogniser,
        )
        async with stand_in, LocalHttpClient(stand_in.url) as transport:
            client = Client(ACCOUNT.sid, ACCOUNT.auth_token, http_client=transport)
            made = Bench(stand_in, receiver, client)
            made.answers(made.start(), made.conference())
            made.invites(PERSON)
            yield made
    assert receiver.unsigned == []
