"""One question to a server that speaks OpenAI's chat completions, whoever's server it is.

Some know no JSON schema, no temperature or another name for the token limit, and say so with 400: what they
don't know is left out from then on. Errors quote what was sent and answered, so nothing of them leaves here.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

import openai
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from callguard.analysis.answers import Answer, read_answer
from callguard.domain.judging import Usage, estimated

MAX_ANSWER_TOKENS = 900

_REQUEST_ID = re.compile(r"[\w.:-]{1,100}")
_SCHEMA = Answer.model_json_schema()

# The first kind that fits names the reason; a kind stands before the kinds that it belongs to.
_REASONS: tuple[tuple[type[openai.OpenAIError], str], ...] = (
    (openai.APITimeoutError, "timeout"),
    (openai.APIConnectionError, "unreachable"),
    (openai.RateLimitError, "rate_limited"),
    (openai.AuthenticationError, "unauthorised"),
    (openai.PermissionDeniedError, "unauthorised"),
    (openai.InternalServerError, "server_error"),
    (openai.APIStatusError, "bad_request"),
)
_CODES = {
    "insufficient_quota": "quota_exhausted",
    "billing_hard_limit_reached": "quota_exhausted",
    "content_filter": "filtered",
    "content_policy_violation": "filtered",
}
_REQUEST_TIMEOUT = 408


class Bound(Enum):
    """How the answer is bound to the schema, the strictest first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Manner:
    """What a server understands of a request."""

    bound: Bound = Bound.SCHEMA
    has_temperature: bool = True
    limit: str = "max_completion_tokens"

    def arguments(self) -> dict[str, Any]:
        """The request's parameters beside model and messages."""
        given: dict[str, Any] = {self.limit: MAX_ANSWER_TOKENS}
        if self.has_temperature:
            given["temperature"] = 0
        if self.bound is Bound.SCHEMA:
            given["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "judgement", "strict": True, "schema": _SCHEMA},
            }
        elif self.bound is Bound.OBJECT:
            given["response_format"] = {"type": "json_object"}
        return given

    def without(self, complaint: str) -> "Manner":
        """The manner without what a server's 400 complains of; the same where it names nothing of ours."""
        if self.bound is not Bound.PROMPT and re.search(
            r"response_format|json_schema|json_object|structured|grammar|guided", complaint
        ):
            return replace(self, bound=Bound.OBJECT if self.bound is Bound.SCHEMA else Bound.PROMPT)
        if self.has_temperature and "temperature" in complaint:
            return replace(self, has_temperature=False)
        if self.limit == "max_completion_tokens" and "max_completion_tokens" in complaint:
            return replace(self, limit="max_tokens")
        return self


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question: the answer, or why there is none; `wait`: seconds the server wants to be
    left alone; `request_id` is what the server calls it.
    """

    answer: Answer | None = None
    reason: str = ""
    used: Usage = field(default_factory=Usage)
    wait: float = 0.0
    request_id: str | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Counted(BaseModel):
    prompt_tokens: int
    completion_tokens: int = 0


class _Completion(BaseModel):
    """A chat completion, as far as it is needed: servers add fields and leave some out."""

    choices: list[_Choice]
    usage: _Counted | None = None


class ChatServer:
    """Asks one model. Give the client `max_retries=0`: whoever asks decides about trying again."""

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self._client = client
        self.model = model
        self._manner = Manner()

    async def ask(self, messages: Sequence[ChatCompletionMessageParam], deadline: float) -> Reply:
        """The reply to these messages, until `deadline` of the loop's clock at the latest. Raises nothing."""
        used, manner = Usage(), self._manner
        while True:
            sent = list(messages) if manner.bound is Bound.SCHEMA else _with_schema(messages)
            try:
                async with asyncio.timeout_at(deadline):
                    reply, complaint = await self._request(sent, manner)
            except TimeoutError:
                reply, complaint = Reply(reason="timeout", used=estimated(_text(sent), "")), ""
            used += reply.used
            other = manner.without(complaint)
            if reply.reason != "bad_request" or other == manner:
                break
            manner = other
        if not reply.reason:  # what the server answers in is kept
            self._manner = manner
        return replace(reply, used=used)

    async def _request(self, messages: list[ChatCompletionMessageParam], manner: Manner) -> tuple[Reply, str]:
        """One request, with what the server complains of where it refuses it."""
        create: Callable[..., Any] = self._client.chat.completions.with_raw_response.create
        try:
            response = await create(model=self.model, messages=messages, **manner.arguments())
            body, headers = response.http_response.text, response.headers
        except openai.APIStatusError as error:
            used = Usage(requests=1)  # what is refused costs nothing
            request_id = _request_id(error.response.headers.get("x-request-id"))
            reason, wait = _reason(error), _retry_after(error.response.headers)
            return Reply(reason=reason, used=used, wait=wait, request_id=request_id), _complaint(error)
        except openai.OpenAIError as error:
            return Reply(reason=_reason(error), used=Usage(requests=1)), ""
        reply = _read(body, _text(messages))
        return replace(reply, request_id=_request_id(headers.get("x-request-id"))), ""


def _read(body: str, sent: str) -> Reply:
    """What a 200 says."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        return Reply(reason="bad_output", used=estimated(sent, ""))
    choice = completion.choices[0] if completion.choices else _Choice(message=_Message())
    content = choice.message.content or ""
    counted = completion.usage
    used = Usage(1, counted.prompt_tokens, counted.completion_tokens) if counted else estimated(sent, content)
    if choice.message.refusal:
        return Reply(reason="refused", used=used)
    if choice.finish_reason in {"length", "content_filter"}:
        return Reply(reason="truncated" if choice.finish_reason == "length" else "filtered", used=used)
    answer = read_answer(content)
    return Reply(answer, "" if answer else "bad_output", used)


def _with_schema(messages: Sequence[ChatCompletionMessageParam]) -> list[ChatCompletionMessageParam]:
    """The messages for a server that takes no schema: the system's says it."""
    system, *others = messages
    content = f"{system.get('content')}\nThe JSON schema of your answer:\n{json.dumps(_SCHEMA)}\n"
    return [{"role": "system", "content": content}, *others]


def _text(messages: Sequence[ChatCompletionMessageParam]) -> str:
    return "".join(str(message.get("content")) for message in messages)


def _reason(error: openai.OpenAIError) -> str:
    if isinstance(error, openai.APIStatusError):
        known = _CODES.get(str(error.code)) or _CODES.get(str(error.type))
        if known or error.status_code == _REQUEST_TIMEOUT:
            return known or "server_error"
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "bad_output")


def _complaint(error: openai.APIStatusError) -> str:
    """The parameter that a server refuses and its message, which may quote the request: only to be
    searched.
    """
    return f"{error.param} {error.message}".lower() if error.status_code in {400, 422} else ""


def _request_id(value: str | None) -> str | None:
    return value if value is not None and _REQUEST_ID.fullmatch(value) else None


def _retry_after(headers: Any) -> float:  # noqa: ANN401  # the SDK's HTTP client is not ours to name
    """Seconds of retry-after-ms or Retry-After, a number or a date; 0 without one."""
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name, "")
        if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
            return float(value) / divisor
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except ValueError:
        return 0.0
