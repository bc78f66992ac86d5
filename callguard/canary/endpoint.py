"""Twilio asks what the canary says, and tells how its call and its message fare."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callguard.canary.caller import Canary
from callguard.errors import DatabaseError, ProtocolError
from callguard.intake.signature import SignatureGate
from callguard.intake.verified import Form, Webhook, verified

_HANG_UP = "<Response><Hangup/></Response>"


def canary_routes(canary: Canary, signatures: SignatureGate) -> list[Route]:
    """The doors of this room."""

    async def call(request: Request, _form: Form) -> Response:
        try:
            twiml = await canary.says(_run_id(request))
        except DatabaseError:
            twiml = None  # whoever is there hears nothing, rather than of an application's error
        return Response(twiml or _HANG_UP, media_type="text/xml")

    async def call_status(request: Request, form: Form) -> Response:
        try:
            known = await canary.leg_ended(_run_id(request), form.get("CallStatus", ""))
        except DatabaseError as error:
            return Response(f"{error}\n", status_code=503)
        return Response(status_code=204 if known else 404)

    async def message_status(request: Request, form: Form) -> Response:
        if "MessageSid" not in form or "MessageStatus" not in form:
            raise ProtocolError("The webhook must name a MessageSid and a MessageStatus.")
        code = form.get("ErrorCode") or None
        try:
            known = await canary.message_told(
                _run_id(request), form["MessageStatus"], form["MessageSid"], code
            )
        except DatabaseError as error:
            return Response(f"{error}\n", status_code=503)
        return Response(status_code=204 if known else 404)

    doors: dict[str, Webhook] = {
        "/canary-call": call,
        "/canary-call-status": call_status,
        "/canary-message-status": message_status,
    }
    return [
        Route(path, verified(signatures, webhook), methods=["GET", "POST"]) for path, webhook in doors.items()
    ]


def _run_id(request: Request) -> UUID:
    try:
        return UUID(request.query_params.get("run", ""))
    except ValueError:
        raise ProtocolError("The webhook must name a run.") from None
