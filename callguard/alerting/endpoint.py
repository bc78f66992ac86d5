"""Twilio tells how an alert's message fares."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callguard.alerting.outbox import Outbox
from callguard.errors import DatabaseError, ProtocolError
from callguard.intake.signature import SignatureGate
from callguard.intake.verified import Form, verified


def message_status_route(outbox: Outbox, signatures: SignatureGate) -> Route:
    """`POST /message-status?alert=<id>`."""

    async def message_status(request: Request, form: Form) -> Response:
        try:
            alert_id = UUID(request.query_params.get("alert", ""))
            sid, status = form["MessageSid"], form["MessageStatus"]
        except (KeyError, ValueError):
            raise ProtocolError("The webhook must name an alert, a MessageSid and a MessageStatus.") from None
        try:
            known = await outbox.told(alert_id, status, sid, form.get("ErrorCode") or None)
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return Response(status_code=204 if known else 404)

    return Route("/message-status", verified(signatures, message_status), methods=["GET", "POST"])
