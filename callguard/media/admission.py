"""Which streams are let in, and the figures kept of them: Twilio's signature, then a pass that works once."""

import time
from collections.abc import Mapping

from starlette.websockets import WebSocket

from callguard.db.pool import Database
from callguard.intake.signature import SignatureGate
from callguard.media.endpoint import AdmittedStream, StreamEnd
from callguard.media.messages import Track
from callguard.media.session import StreamFigures, StreamStarted
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
        return AdmittedStream(call["tenant_id"], call["call_id"], started.call_sid, started.stream_sid)


class StreamFiguresBook:
    """Implements `StreamBook` in Postgres: how much was heard, never what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def progress(self, stream: AdmittedStream, heard: Mapping[Track, StreamFigures]) -> None:
        caller, callee = heard.get(Track.INBOUND), heard.get(Track.OUTBOUND)
        async with self._database.tenant(stream.tenant_id) as session:
            await session.run(
                "streams.progress",
                stream.call_id,
                stream.stream_sid,
                caller.speech_ms if caller else 0,
                callee.speech_ms if callee else 0,
                sum(figures.received_ms for figures in heard.values()),
                sum(figures.lost_ms for figures in heard.values()),
            )

    async def ended(self, stream: AdmittedStream, reason: StreamEnd) -> None:  # noqa: ARG002  # kept from a later table
        async with self._database.tenant(stream.tenant_id) as session:
            await session.run("streams.end", stream.call_id, stream.stream_sid)
