"""The front desk of the REST API: credentials, faults, Twilio's errors, paging, a record of every request."""

import base64
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callguard.local.twilio.account import API_VERSION, Account, utc_now
from callguard.local.twilio.faults import Faults, Mishap
from callguard.local.twilio.options import Values

NOT_FOUND: Final = 20404
NOT_SUPPORTED: Final = 20001
NOT_IN_PROGRESS: Final = 21220
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")

Json = dict[str, Any]


class Refused(Exception):
    """A request that Twilio answers with an error. Control flow: it becomes the reply."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def refuse_value(problem: str) -> NoReturn:
    """A parameter is none that Twilio knows."""
    raise Refused(NOT_SUPPORTED, problem)


def not_found() -> Refused:
    """There is no such resource."""
    return Refused(NOT_FOUND, "The requested resource was not found", 404)


def is_number(text: str) -> bool:
    """Whether this is a telephone number as E.164."""
    return _E164.fullmatch(text) is not None


@dataclass(slots=True)
class RestRequest:
    """A request to the REST API, with the params of query and body; `status` is None where no reply came."""

    method: str
    path: str
    params: Mapping[str, tuple[str, ...]] = field(repr=False)
    status: int | None = None
    at: float = field(default_factory=monotonic)
    wall: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a handler is asked: identifiers from the path, parameters from query and body."""

    ids: Mapping[str, str]
    path: str
    params: Mapping[str, tuple[str, ...]]

    def get(self, name: str) -> str:
        """A parameter, or nothing."""
        return " ".join(self.params.get(name, ()))

    def values(self) -> Values:
        """The parameters by TwiML's names for them; a wrong one is refused."""
        named = {name[0].lower() + name[1:]: " ".join(texts) for name, texts in self.params.items()}
        return Values(named, refuse_value)


async def _nothing() -> None:
    """Nothing is left to do after the reply."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and what begins once it has been sent."""

    body: Json | None
    status: int = 200
    then: Callable[[], Awaitable[None]] = _nothing
    media: bytes | None = None


Handler = Callable[[Inquiry], Awaitable[Answer]]
Routes = Sequence[tuple[str, str, Handler]]


class FrontDesk:
    """The ASGI application. `hang_up` breaks the connection of a peer address."""

    def __init__(
        self,
        account: Account,
        faults: Faults,
        routes: Iterable[tuple[str, str, Handler]],
        hang_up: Callable[[Any], None],
    ) -> None:
        self.requests: list[RestRequest] = []
        self._faults = faults
        self._hang_up = hang_up
        credentials = base64.b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
        self._authorization = f"Basic {credentials}"
        base = f"/{API_VERSION}/Accounts/{account.sid}"
        self.app = Starlette(
            routes=[
                Route(base + path, self._endpoint(handler), methods=[method])
                for method, path, handler in routes
            ],
            exception_handlers={HTTPException: _unrouted},
        )

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            params = parse_qs(request.url.query, keep_blank_values=True)
            params |= parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
            record = RestRequest(request.method, request.url.path, {k: tuple(v) for k, v in params.items()})
            self.requests.append(record)
            fault = self._faults.take(request.method, request.url.path)
            match fault.mishap if fault else None:
                case Mishap.HANGS:
                    await _gone(request)
                    return Response()
                case Mishap.REFUSED if fault:
                    answer = _error(
                        Refused(fault.code, "A fault was arranged for this request", fault.status)
                    )
                case _:
                    answer = await self._answer(request, record, handler)
            if fault and fault.mishap is Mishap.REPLY_LOST:
                await answer.then()
                self._hang_up(request.client)
                await _gone(request)
                return Response()
            record.status = answer.status
            background = BackgroundTask(answer.then)
            if answer.media is not None:
                return Response(answer.media, answer.status, media_type="audio/x-wav", background=background)
            if answer.body is None:
                return Response(status_code=answer.status, background=background)
            return JSONResponse(answer.body, answer.status, background=background)

        return endpoint

    async def _answer(self, request: Request, record: RestRequest, handler: Handler) -> Answer:
        if request.headers.get("authorization") != self._authorization:
            return _error(Refused(20003, "Authenticate", 401))
        try:
            return await handler(Inquiry(request.path_params, record.path, record.params))
        except Refused as refused:
            return _error(refused)


async def _gone(request: Request) -> None:
    """Wait until the client has gone."""
    message = await request.receive()
    while message["type"] != "http.disconnect":
        message = await request.receive()


def _error(refused: Refused) -> Answer:
    body: Json = {
        "code": refused.code,
        "message": refused.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refused.code}",
        "status": refused.status,
    }
    return Answer(body, refused.status)


async def _unrouted(_: Request, error: Exception) -> Response:
    is_method = isinstance(error, HTTPException) and error.status_code == 405
    refused = Refused(20004, "Method not allowed", 405) if is_method else not_found()
    answer = _error(refused)
    return JSONResponse(answer.body, answer.status)


def page(inquiry: Inquiry, key: str, resources: Sequence[Json]) -> Answer:
    """One page of a list, with Twilio's paging fields."""
    values = inquiry.values()
    size = values.whole("pageSize", 50, least=1, most=1000)
    number = values.whole("page", 0)
    filters = {
        name: inquiry.get(name) for name in inquiry.params if name not in {"Page", "PageSize", "PageToken"}
    }

    def uri(which: int) -> str:
        return f"{inquiry.path}?{urlencode({**filters, 'PageSize': size, 'Page': which})}"

    start = number * size
    shown = resources[start : start + size]
    body: Json = {
        key: list(shown),
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(0, len(shown) - 1),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(number - 1) if number else None,
        "next_page_uri": uri(number + 1) if start + size < len(resources) else None,
    }
    return Answer(body)


def in_range(inquiry: Inquiry, name: str, moment: datetime | None) -> bool:
    """Whether a moment fits the filters `Name` (that day), `Name<` (until), `Name>` (from), in ISO 8601."""
    for suffix in ("", "<", ">"):
        text = inquiry.get(name + suffix)
        if not text:
            continue
        if moment is None:
            return False
        try:
            limit = datetime.fromisoformat(text)
        except ValueError:
            refuse_value(f"{name}{suffix} must be an ISO 8601 date or time")
        limit = limit if limit.tzinfo else limit.replace(tzinfo=UTC)
        if suffix == "" and moment.date() != limit.date():
            return False
        if (suffix == "<" and moment > limit) or (suffix == ">" and moment < limit):
            return False
    return True
