"""`POST /api/calls/{id}/feedback` and `/api/fraud-analysis/{id}/feedback`: whether callguard was right."""

import asyncio
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callguard.api.doors import MOST_BYTES, guarded, json_reply, read_body
from callguard.api.errors import refusal
from callguard.dashboard.access import Access
from callguard.db.pool import Database
from callguard.domain.feedback import NOTE_MOST, Answer
from callguard.memory import feedback


class FeedbackType(StrEnum):
    """What callguard's verdict was: right, or wrong in one of two ways."""

    FALSE_POSITIVE = "false_positive"
    FALSE_NEGATIVE = "false_negative"
    CONFIRMED = "confirmed"
    UNSURE = "unsure"


_ANSWERS = {
    FeedbackType.FALSE_POSITIVE: Answer.NOT_SCAM,
    FeedbackType.FALSE_NEGATIVE: Answer.SCAM,
    FeedbackType.UNSURE: Answer.UNSURE,
}


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    feedback_type: FeedbackType
    comments: Annotated[str, msgspec.Meta(max_length=NOTE_MOST)] | None = None


class _Stored(msgspec.Struct):
    feedback_id: UUID
    call_id: UUID
    analysis_id: UUID | None
    feedback_type: FeedbackType
    answer: Answer


_EXAMPLE = (
    'The body must be JSON such as {"feedback_type": "false_positive", "comments": "It was my bank."}; '
    f"{', '.join(FeedbackType)} are known, comments have {NOTE_MOST} characters at the most."
)


def feedback_routes(database: Database, access: Access, wake: asyncio.Event) -> list[Route]:
    """The doors of this subject, for who shows the dashboard's key as a bearer token.

    `wake` is set when something was said.
    """
    doors = _Doors(database, wake)
    return [
        Route("/api/calls/{id}/feedback", guarded(access, doors.of_call), methods=["POST"]),
        Route("/api/fraud-analysis/{id}/feedback", guarded(access, doors.of_analysis), methods=["POST"]),
    ]


class _Doors:
    def __init__(self, database: Database, wake: asyncio.Event) -> None:
        self._database = database
        self._wake = wake

    async def of_call(self, request: Request) -> Response:
        """201. 'confirmed' confirms the verdict that stands; of a call never judged, that it was fine."""
        call_id = _uuid(request)
        async with self._database.session() as session:
            tenant_id = await session.value("feedback.tenant_of_call", call_id) if call_id else None
        if call_id is None or tenant_id is None:
            return refusal("NOT_FOUND", "There is no such call.")
        return await self._take(request, tenant_id, call_id)

    async def of_analysis(self, request: Request) -> Response:
        """201. The same by a verdict: it is about the call as a whole."""
        analysis_id = _uuid(request)
        async with self._database.session() as session:
            found = await session.row("feedback.call_of_analysis", analysis_id) if analysis_id else None
        if found is None:
            return refusal("NOT_FOUND", "There is no such analysis.")
        return await self._take(request, found["tenant_id"], found["call_id"])

    async def _take(self, request: Request, tenant_id: UUID, call_id: UUID) -> Response:
        body = await read_body(request)
        if body is None:
            return refusal("VALIDATION_ERROR", f"The body is over {MOST_BYTES} bytes.", field="body")
        try:
            said = msgspec.json.decode(body, type=_Body)
        except msgspec.DecodeError:
            return refusal("VALIDATION_ERROR", _EXAMPLE, field="body")
        async with self._database.tenant(tenant_id) as session:
            given = await feedback.give(
                session,
                tenant_id,
                call_id,
                _ANSWERS.get(said.feedback_type),
                "api",
                "api",
                note=said.comments,
            )
        if given is None:
            return refusal("NOT_FOUND", "There is no such call.")
        self._wake.set()
        return json_reply(
            _Stored(given.id, call_id, given.analysis_id, said.feedback_type, given.answer), 201
        )


def _uuid(request: Request) -> UUID | None:
    try:
        return UUID(request.path_params["id"])
    except ValueError:
        return None
