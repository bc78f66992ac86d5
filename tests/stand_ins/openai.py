"""A stand-in for an OpenAI-compatible server: `POST /v1/chat/completions` over real HTTP, scripted.

Each request takes the next shape of the script, a file of tests/data/llm; the last one repeats. It stands on
bare sockets, since servers also stall, drip and reset.
"""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

SHAPES = Path(__file__).parents[1] / "data" / "llm"
GOOD = "good"

GOOD_ANSWER: dict[str, Any] = {
    "risk": 92,
    "fraud_type": "government",
    "claims": ["speaks for the tax office"],
    "asks": ["gift cards"],
    "tactics": ["authority", "payment", "secrecy"],
    "quotations": ["read me the numbers"],
    "explanation": "The caller wants gift cards for a tax debt.",
    "suggested_action": "end",
    "addresses_the_listener": False,
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
    "suggested_action": "none",
    "confidence": 1.0,
}


@cache
def shape(name: str) -> dict[str, Any]:
    """What a server answers: a file of tests/data/llm."""
    loaded: dict[str, Any] = json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@dataclass
class OpenAIStandIn:
    """A running stand-in: where it listens, what it was asked, and what it will do.

    `refuses`: shapes for what this server knows nothing of, which come before the script. `headers`: of each
    request, their names in lower case.
    """

    script: list[str] = field(default_factory=lambda: [GOOD])
    refuses: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=lambda: dict(GOOD_ANSWER))
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""

    def play(self, *shapes: str) -> None:
        """Replaces the script."""
        self.script = list(shapes)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = head.split("\r\n")
                headers = {
                    k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not lines[0].startswith("POST /v1/chat/completions "):
                    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                    continue
                self.headers.append(headers)
                self.requests.append(json.loads(body))
                await self._answer(self._next(self.requests[-1]), self.requests[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    def _next(self, request: dict[str, Any]) -> dict[str, Any]:
        given = {*request, request.get("response_format", {}).get("type")}
        for name in self.refuses:
            if shape(name)["when"] in given:
                return shape(name)
        return shape(self.script.pop(0) if len(self.script) > 1 else self.script[0])

    async def _answer(
        self, said: dict[str, Any], request: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        how = said.get("how")
        if how == "hang":
            await asyncio.Event().wait()
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            raise ConnectionError
        body = self._body(said, request)
        head = f"HTTP/1.1 {said['status']} As Recorded\r\ncontent-length: {len(body)}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in said["headers"].items()
        )
        writer.write(head.encode() + b"\r\n")
        if how == "drip":
            writer.write(body[:1])  # and then nothing for longer than anybody waits
            await asyncio.Event().wait()
        writer.write(body[: len(body) // 2] if how == "cut" else body)
        await writer.drain()
        if how == "cut":
            raise ConnectionError

    def _body(self, said: dict[str, Any], request: dict[str, Any]) -> bytes:
        whole = json.dumps(self.answer, ensure_ascii=False)
        filled = {
            "$ANSWER": whole,
            "$HALF": whole[: len(whole) // 2],
            "$WRONG": json.dumps(self.answer | {"risk": 900}),
            "$MODEL": request["model"],
            "$REQUEST": json.dumps(request),
        }

        def fill(text: str) -> str:
            for mark, value in filled.items():
                text = text.replace(mark, value)
            return text

        told = _each_text(said["body"], fill) if "body" in said else None
        return (said["text"] if told is None else json.dumps(told)).encode()


def _each_text(value: Any, change: Callable[[str], str]) -> Any:  # JSON of any form
    if isinstance(value, dict):
        return {key: _each_text(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_each_text(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


@asynccontextmanager
async def serve_openai() -> AsyncIterator[OpenAIStandIn]:
    """A stand-in on a free local port, stopped on leaving."""
    stand_in = OpenAIStandIn()
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(stand_in.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    stand_in.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield stand_in
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
