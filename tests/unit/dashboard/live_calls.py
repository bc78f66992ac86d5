"""Example calls, a snapshot source that holds them in memory, and a real server with the dashboard on it."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uvicorn
from starlette.applications import Starlette

from callguard.dashboard.routes import dashboard_routes
from callguard.dashboard.snapshot import (
    Contribution,
    LiveAlert,
    LiveCall,
    LiveNotice,
    LiveStep,
    NoticeMessages,
    Snapshot,
)
from callguard.domain.feedback import Answer
from callguard.domain.transcript import Speaker, Utterance

NOW = datetime(2026, 1, 2, 14, 3, 5, tzinfo=UTC)
KEY = "open-sesame-0123456789"


def said(speaker: str, text: str, *, final: bool = True, sequence: int = 1) -> Utterance:
    return Utterance(speaker=Speaker(speaker), text=text, is_final=final, sequence=sequence)


def alert(number: int = 1, **changes: Any) -> LiveAlert:
    sent = LiveAlert(
        id=UUID(int=1000 + number),
        contact_name="Anna Hill",
        channel="sms",
        level="danger",
        status="sent",
        created_at=NOW - timedelta(seconds=4),
        sent_at=NOW - timedelta(seconds=3),
        delivered_at=None,
    )
    return replace(sent, **changes)


def step(number: int = 1, **changes: Any) -> LiveStep:
    """A hold that callguard asked for itself."""
    held = LiveStep(
        id=UUID(int=2000 + number),
        step="hold",
        wording=None,
        contact_name=None,
        state="done",
        asked_at=NOW - timedelta(seconds=3),
        done_at=NOW - timedelta(seconds=2),
        undone_at=None,
    )
    return replace(held, **changes)


def quiet_call(number: int = 1, **changes: Any) -> LiveCall:
    """A call on which nothing was said yet."""
    call = LiveCall(
        id=UUID(int=number),
        call_sid=f"CA{number:032x}",
        person_name="Margaret Hill",
        caller="+12025550123",
        attestation="C",
        status="in-progress",
        started_at=NOW - timedelta(seconds=72),
        ended_at=None,
        verdict="SAFE",
        risk=0,
        fraud_type=None,
        explanation="",
        quotations=(),
        contributions=(),
        keywords=(),
        transcript=(),
        alerts=(),
        speech_seconds=0.0,
        degraded=None,
    )
    return replace(call, **changes)


def scam_call(number: int = 1, **changes: Any) -> LiveCall:
    """A call in the middle of a scam, one alert out, the last words still provisional."""
    call = quiet_call(
        number,
        verdict="SCAM",
        risk=87,
        fraud_type="government",
        explanation="The caller speaks for an authority, threatens arrest and asks for gift cards.",
        quotations=("there is a warrant for your arrest", "buy gift cards and read me the numbers"),
        contributions=(
            Contribution(
                "local_scorer", "measured", 87, "Authority, fear and an untraceable payment together."
            ),
            Contribution("attestation", "measured", None, "Nobody vouches for the caller's number."),
            Contribution("deepfake", "not available yet", None, ""),
            Contribution("known_voice", "not available yet", None, ""),
        ),
        keywords=("warrant", "gift cards"),
        transcript=(
            said("caller", "Hello, this is Officer Daniels from the Social Security office.", sequence=1),
            said("callee", "Oh. What is this about?", sequence=2),
            said(
                "caller",
                "Your number was used in a crime and there is a warrant for your arrest.",
                sequence=3,
            ),
            said("caller", "To clear this today you need to buy gift", sequence=4),
            said("caller", "cards, and read me the numbers.", sequence=5),
            said("callee", "Gift cards? I don't", final=False, sequence=6),
        ),
        alerts=(alert(),),
        speech_seconds=38.2,
    )
    return replace(call, **changes)


@dataclass
class CallsInMemory:
    """A snapshot source: shows `calls`, or fails with `failure`. `asked` counts the questions; `said` is what
    viewers said of calls.
    """

    calls: tuple[LiveCall, ...] = ()
    notices: tuple[LiveNotice, ...] = ()
    messages: tuple[NoticeMessages, ...] = ()
    failure: Exception | None = None
    asked: int = 0
    said: list[tuple[UUID, Answer]] = field(default_factory=list)
    _asking: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self) -> Snapshot:
        async with self._asking:
            self.asked += 1
            self._asking.notify_all()
        if self.failure is not None:
            raise self.failure
        return Snapshot(NOW, self.calls, self.notices, self.messages)

    async def say(self, call_id: UUID, answer: Answer) -> bool:
        known = any(call.id == call_id for call in self.calls)
        if known:
            self.said.append((call_id, answer))
        return known

    def show(self, *calls: LiveCall) -> None:
        self.calls = calls

    async def asked_again(self, times: int) -> None:
        """Waits for `times` more questions."""
        goal = self.asked + times
        async with asyncio.timeout(5), self._asking:
            await self._asking.wait_for(lambda: self.asked >= goal)


@asynccontextmanager
async def dashboard_server(
    source: CallsInMemory, stopping: asyncio.Event | None = None, *, port: int = 0
) -> AsyncGenerator[str]:
    """Serves the dashboard on a free port of this machine; gives its base address."""
    stopping = stopping or asyncio.Event()
    app = Starlette(routes=dashboard_routes(source, source.say, key=KEY, secure=False, stopping=stopping))
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(app, lifespan="off", ws="none", log_level="error", access_log=False)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        server.should_exit = True
        await asyncio.wait_for(serving, 10)
        listener.close()
