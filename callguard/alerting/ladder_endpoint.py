"""The door at which Twilio fetches what is whispered to a person."""

from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callguard.alerting.ladder import Ladder
from callguard.alerting.speech import AlertSpeech
from callguard.domain.ladder import Wording
from callguard.errors import DatabaseError, ProtocolError
from callguard.intake.signature import SignatureGate
from callguard.intake.verified import Form, verified

log = structlog.get_logger(__name__)


def ladder_routes(ladder: Ladder, speech: AlertSpeech, signatures: SignatureGate) -> list[Route]:
    """`/whisper?step=<id>&wording=<name>&language=<tag>`: spoken for one request, silence for any other."""

    async def whisper(request: Request, _form: Form) -> Response:
        query = request.query_params
        try:
            step_id, wording = UUID(query.get("step", "")), Wording(query.get("wording", ""))
        except ValueError:
            raise ProtocolError("The webhook must name a step and a wording.") from None
        try:
            speaks = await ladder.whisper(step_id, request.headers.get("i-twilio-idempotency-token", ""))
        except DatabaseError as error:
            # Twilio asks since it was asked to: a person is rather told twice than not at all.
            log.warning("whisper_not_stored", step=str(step_id), code=error.code)
            speaks = True
        twiml = speech.whisper(wording if speaks else None, query.get("language", ""))
        return Response(twiml, media_type="text/xml")

    return [Route("/whisper", verified(signatures, whisper), methods=["GET", "POST"])]
