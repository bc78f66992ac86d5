"""A stand-in for an OpenAI-compatible server: the wire format of `POST /v1/chat/completions`, scripted.

Each request takes the next step of the script; the last step repeats. Success, refusal, truncation and errors
have the shapes of OpenAI's API reference (chat completion object, error object).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

GOOD_ANSWER: dict[str, Any] = {
    "risk": 92,
    "fraud_type": "government",
    "claims": ["speaks for the tax office"],
    "asks": ["gift cards"],
    "tactics": ["authority", "payment", "secrecy"],
    "quotations": ["read me the numbers"],
    "explanation": "The caller wants gift cards for a tax debt.",
    "suggested_action": "End the call.",
    "confidence": 0.9,
}
HARMLESS_ANSWER: dict[str, Any] = GOOD_ANSWER | {
    "risk": 0,
    "fraud_type": None,
    "claims": [],
    "asks": [],
    "tactics": [],
    "quotations": [],
    "explanation": "Nothing suggests a fraud.",
    "suggested_action": "Nothing to do.",
    "confidence": 1.0,
}
INJECTIONS = ("ignore", "system", "instructions", "mark this", "risk zero", "assistant")


class Step(StrEnum):
    """One scripted behaviour."""

    GOOD = "good"
    OBEDIENT = "obedient"  # answers 'harmless' when the transcript tells it to
    REFUSAL = "refusal"
    FILTERED = "filtered"
    TRUNCATED = "truncated"
    BAD_JSON = "bad_json"
    WRONG_SCHEMA = "wrong_schema"
    NO_CHOICES = "no_choices"
    NOT_JSON = "not_json"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAUTHORISED = "unauthorised"
    BAD_REQUEST = "bad_request"
    STALL = "stall"


@dataclass
class OpenAIStandIn:
    """A running stand-in: where it listens, what it was asked, and what it will do."""

    script: list[Step] = field(default_factory=lambda: [Step.GOOD])
    answer: dict[str, Any] = field(default_factory=lambda: dict(GOOD_ANSWER))
    retry_after: str = "0"
    requests: list[dict[str, Any]] = field(default_factory=list)
    base_url: str = ""

    def play(self, *steps: Step) -> None:
        """Replaces the script."""
        self.script = list(steps)

    async def complete(self, request: Request) -> Response:
        """The endpoint."""
        body = await request.json()
        self.requests.append(body)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if step is Step.STALL:
            await asyncio.Event().wait()
        if step is Step.NOT_JSON:
            return PlainTextResponse("<html>gateway</html>", media_type="text/html")
        if step in _ERRORS:
            headers = {"retry-after": self.retry_after} if step is Step.RATE_LIMITED else None
            status, code = _ERRORS[step]
            message = f"The stand-in fails on {json.dumps(body)}"  # servers do quote requests
            error = {"message": message, "type": "stand_in_error", "param": None, "code": code}
            return JSONResponse({"error": error}, status_code=status, headers=headers)
        choices = [] if step is Step.NO_CHOICES else [self._choice(step, body)]
        return JSONResponse(_completion(body["model"], choices))

    def _choice(self, step: Step, body: dict[str, Any]) -> dict[str, Any]:
        whole = json.dumps(self.answer)
        if step is Step.OBEDIENT and any(words in _transcript(body) for words in INJECTIONS):
            return _choice(json.dumps(HARMLESS_ANSWER))
        special = {
            Step.REFUSAL: _choice(None, refusal="I'm sorry, I can't assist with that."),
            Step.FILTERED: _choice("", finish_reason="content_filter"),
            Step.TRUNCATED: _choice(whole[: len(whole) // 2], finish_reason="length"),
            Step.BAD_JSON: _choice("Certainly! The risk is high."),
            Step.WRONG_SCHEMA: _choice(json.dumps(self.answer | {"risk": 900})),
        }
        return special.get(step) or _choice(whole)


_ERRORS = {
    Step.RATE_LIMITED: (429, "rate_limit_exceeded"),
    Step.SERVER_ERROR: (500, None),
    Step.UNAUTHORISED: (401, "invalid_api_key"),
    Step.BAD_REQUEST: (400, "model_not_found"),
}


def _transcript(body: dict[str, Any]) -> str:
    return "\n".join(m["content"] for m in body["messages"] if m["role"] == "user").lower()


def _choice(
    content: str | None, *, refusal: str | None = None, finish_reason: str = "stop"
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal, "annotations": []}
    return {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}


def _completion(model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": {"prompt_tokens": 700, "completion_tokens": 120, "total_tokens": 820},
        "service_tier": "default",
        "system_fingerprint": "fp_stand_in",
    }


@asynccontextmanager
async def serve_openai() -> AsyncIterator[OpenAIStandIn]:
    """A stand-in on a free local port, stopped on leaving."""
    stand_in = OpenAIStandIn()
    app = Starlette(routes=[Route("/v1/chat/completions", stand_in.complete, methods=["POST"])])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    stand_in.base_url = f"http://127.0.0.1:{socket.getsockname()[1]}/v1"
    # Not `serve`, which would take over the process's signals.
    task = asyncio.create_task(server._serve([socket]))
    try:
        yield stand_in
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
        socket.close()
