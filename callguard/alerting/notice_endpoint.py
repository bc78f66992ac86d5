"""Twilio tells how notices by SMS fare."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callguard.alerting.notices import STATUS_PATH, NoticeSender
from callguard.errors import DatabaseError, ProtocolError
from callguard.intake.signature import SignatureGate
from callguard.intake.verified import Form, verified


def notice_routes(notices: NoticeSender, signatures: SignatureGate) -> list[Route]:
    """`?tenant=<id>&message=<id>`: how far it got."""

    async def told(request: Request, form: Form) -> Response:
        try:
            tenant_id, message_id = (UUID(request.query_params[name]) for name in ("tenant", "message"))
            status, sid = form["MessageStatus"], form["MessageSid"]
        except (KeyError, ValueError):
            raise ProtocolError("The webhook must name a notice, a MessageSid and a MessageStatus.") from None
        try:
            await notices.told(tenant_id, message_id, status, sid, form.get("ErrorCode") or None)
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return Response(status_code=204)

    return [Route(STATUS_PATH, verified(signatures, told), methods=["GET", "POST"])]
