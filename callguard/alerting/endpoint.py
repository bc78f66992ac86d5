"""Twilio tells how alerts fare, and what contacts answer."""

from collections.abc import Awaitable, Callable
from uuid import UUID
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callguard.alerting.answers import Answers
from callguard.alerting.invitations import Invitations
from callguard.alerting.outbox import Outbox
from callguard.alerting.speech import AlertSpeech
from callguard.errors import DatabaseError, ProtocolError
from callguard.intake.signature import SignatureGate
from callguard.intake.verified import Form, Webhook, verified


def alert_routes(
    outbox: Outbox,
    answers: Answers,
    invitations: Invitations,
    speech: AlertSpeech,
    signatures: SignatureGate,
) -> list[Route]:
    """The doors of this room."""

    async def sms(_request: Request, form: Form) -> Response:
        try:
            sid, sender, receiver = form["MessageSid"], form["From"], form["To"]
        except KeyError:
            raise ProtocolError("The webhook must name a MessageSid, From and To.") from None
        try:
            text = await answers.replied(sid, sender, receiver, form.get("Body", ""))
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return _xml(f"<Response>{f'<Message>{escape(text)}</Message>' if text else ''}</Response>")

    async def alert_answer(request: Request, form: Form) -> Response:
        if "CallSid" not in form:
            raise ProtocolError("The webhook must name a CallSid.")
        try:
            twiml = await answers.pressed(_alert_id(request), form["CallSid"], form.get("Digits", ""))
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return Response(status_code=404) if twiml is None else _xml(twiml)

    async def hold_announcement(request: Request, _form: Form) -> Response:
        return _xml(speech.hold(request.query_params.get("language", "")))

    doors: dict[str, Webhook] = {
        "/invitation-status": _status(_of_invitations(invitations), "MessageSid", "MessageStatus"),
        "/message-status": _status(_of_alerts(outbox), "MessageSid", "MessageStatus"),
        "/alert-call-status": _status(_of_alerts(outbox), "CallSid", "CallStatus"),
        "/sms": sms,
        "/alert-answer": alert_answer,
        "/hold-announcement": hold_announcement,
    }
    return [
        Route(path, verified(signatures, webhook), methods=["GET", "POST"]) for path, webhook in doors.items()
    ]


_Told = Callable[[Request, str, str, str | None], Awaitable[bool]]


def _of_alerts(outbox: Outbox) -> _Told:
    """`?alert=<id>`."""

    async def told(request: Request, status: str, sid: str, error_code: str | None) -> bool:
        return await outbox.told(_alert_id(request), status, sid, error_code)

    return told


def _of_invitations(invitations: Invitations) -> _Told:
    """`?tenant=<id>&invitation=<id>`: the signature is over the whole address."""

    async def told(request: Request, status: str, sid: str, error_code: str | None) -> bool:
        tenant_id, invitation_id = _id(request, "tenant"), _id(request, "invitation")
        return await invitations.told(tenant_id, invitation_id, status, sid, error_code)

    return told


def _status(told: _Told, sid: str, status: str) -> Webhook:
    """How far a message or call got, in the parameters of these names."""

    async def webhook(request: Request, form: Form) -> Response:
        if sid not in form or status not in form:
            raise ProtocolError(f"The webhook must name a {sid} and a {status}.")
        try:
            known = await told(request, form[status], form[sid], form.get("ErrorCode") or None)
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return Response(status_code=204 if known else 404)

    return webhook


def _alert_id(request: Request) -> UUID:
    return _id(request, "alert")


def _id(request: Request, name: str) -> UUID:
    try:
        return UUID(request.query_params.get(name, ""))
    except ValueError:
        raise ProtocolError(f"The webhook must name: {name}.") from None


def _xml(twiml: str) -> Response:
    return Response(twiml, media_type="text/xml")
