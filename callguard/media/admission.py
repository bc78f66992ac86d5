"""Which streams are let in: Twilio's signature, then a pass that works once."""

import time

from starlette.websockets import WebSocket

from callguard.db.pool import Database
from callguard.domain.listening import Fault
from callguard.intake.signature import SignatureGate
from callguard.media.endpoint import AdmittedStream
from callguard.media.session import StreamStarted
from callguard.transcript import notices
from callguard.trust.passes import PassIssuer

TOKEN_PARAMETER = "token"  # noqa: S105  # the name of the parameter, not a token


class Admission:
    """Implements `StreamGate`: a pass must be ours, fresh, unused, and for the call the stream names."""

    def __init__(self, database: Database, signatures: SignatureGate, passes: PassIssuer) -> None:
        self._database = database
        self._signatures = signatures
        self._passes = passes

    def signature_ok(self, ws: WebSocket) -> bool:
        return self._signatures.web_socket_ok(ws)

    async def admit(self, started: StreamStarted) -> AdmittedStream | None:
        """Raises DatabaseError: without the database a pass can't be used up, and no stream is let in."""
        shown = self._passes.check(started.parameters.get(TOKEN_PARAMETER, ""), time.time())
        if shown is None or shown.call_sid != started.call_sid:
            return None
        async with self._database.session() as session:
            call = await session.row("calls.resolve", started.call_sid)
        if call is None:
            return None
        async with self._database.tenant(call["tenant_id"]) as session:
            admitted = await session.value(
                "streams.admit", call["tenant_id"], call["call_id"], shown.id, started.stream_sid
            )
            if admitted is None:
                return None
            await notices.clear(session, call["call_id"], Fault.AUDIO_LOST)
        return AdmittedStream(
            call["tenant_id"], call["call_id"], started.call_sid, started.stream_sid, call["language"]
        )
