"""Twilio's webhooks about calls.

Bridging fails open: a ringing call is answered with dialling TwiML whatever breaks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callguard.domain.facts import AnyFact, CallArrived, WordsHeard
from callguard.errors import DatabaseError, NumberUnknown, SpoolError
from callguard.intake import payloads
from callguard.intake.recorder import Recorder
from callguard.intake.records import decision_about
from callguard.intake.routes import RouteBook
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import Twiml, is_announcement
from callguard.intake.verified import Form, verified

DEFAULT_LANGUAGE = "en"

# The TwiML for a call that callguard placed itself, to test protection; None for every other one.
OwnCalls = Callable[[CallArrived], Awaitable[str | None]]

log = structlog.get_logger(__name__)


async def no_own_calls(_fact: CallArrived) -> str | None:
    """Where callguard places no call to itself."""
    return None


class Intake:
    """The handlers, each given a verified form."""

    def __init__(
        self, recorder: Recorder, routes: RouteBook, twiml: Twiml, own_calls: OwnCalls = no_own_calls
    ) -> None:
        self._own_calls = own_calls
        self._recorder = recorder
        self._routes = routes
        self._twiml = twiml

    def http_routes(self, signatures: SignatureGate) -> list[Route]:
        """The webhooks and their aliases."""
        webhooks = {
            ("/incoming-call", "/voice/incoming"): self.incoming_call,
            ("/transcription", "/voice/transcription"): self.transcription,
            ("/call-status", "/voice/status"): self.call_status,
            ("/answered-by",): self.answered_by,
            ("/conference-events",): self.conference_events,
        }
        return [
            Route(path, verified(signatures, webhook), methods=["GET", "POST"])
            for paths, webhook in webhooks.items()
            for path in paths
        ]

    async def incoming_call(self, request: Request, form: Form) -> Response:
        """The phone rings.

        A process that was frozen finds requests that nobody waits for any more: the fallback has connected
        those calls, and their people must not be rung a second time.
        """
        fact = payloads.call_arrived(form, datetime.now(UTC))
        await asyncio.sleep(0)  # the end of a connection is told a turn of the loop after its request
        if await request.is_disconnected():
            log.error("call_left_to_the_fallback")
            return _xml(self._twiml.reject("busy"))
        try:
            own = await self._own_calls(fact)
            return _xml(await self._bridge(fact) if own is None else own)
        except NumberUnknown as error:
            log.warning("call_refused", code=error.code)
            return _xml(self._twiml.reject("rejected"))
        except Exception as error:  # noqa: BLE001  # whatever breaks, the call connects
            log.error("bridging_without_database", error=type(error).__name__)
            return _xml(await self._dial_directly(fact))

    async def _bridge(self, fact: CallArrived) -> str:
        arrival = await self._recorder.arrive(fact)
        if arrival.looping:
            log.error("forwarding_loop_cut")
            return self._twiml.reject("busy")
        await self._routes.learn(arrival.route)
        decision, language = arrival.decision, arrival.route.language
        if not decision.bridges:
            log.info("call_turned_away", action=decision.action, reason=decision.reason)
            return self._twiml.turned_away(decision.action, language)
        return self._twiml.bridge(
            fact.call_sid,
            arrival.conference_name,
            language,
            announce=arrival.announce,
            now=time.time(),
            monitor=decision.monitors,
        )

    async def _dial_directly(self, fact: CallArrived) -> str:
        route = self._routes.find(fact.called)
        if route is None:
            log.error("call_not_connected", reason="route_unknown")
            return self._twiml.unreachable(DEFAULT_LANGUAGE)
        decision = decision_about(fact, route)
        done = msgspec.structs.replace(fact, dialled_directly=True, call_token=None, decision=decision)
        try:
            await self._recorder.spool(done)
        except SpoolError as error:
            log.error("call_not_spooled", code=error.code)
        if not decision.bridges:
            return self._twiml.turned_away(decision.action, route.language)
        return self._twiml.direct(
            fact.call_sid,
            route.first_delivery.address,
            route.language,
            time.time(),
            monitor=decision.monitors,
        )

    async def transcription(self, _request: Request, form: Form) -> Response:
        """Words were heard, or the transcription changed its state."""
        fact = payloads.transcription(form)
        if isinstance(fact, WordsHeard) and fact.track == "outbound_track" and is_announcement(fact.text):
            return Response(status_code=204)
        return await self._record(fact)

    async def call_status(self, request: Request, form: Form) -> Response:
        """A leg moved on: the caller's, or one that was dialled for the call named by `parent`."""
        return await self._record(payloads.leg_changed(form, request.query_params.get("parent")))

    async def answered_by(self, request: Request, form: Form) -> Response:
        """A person or a machine came on the line of a leg that was dialled for the call named by `parent`."""
        return await self._record(payloads.leg_answered_by(form, request.query_params.get("parent", "")))

    async def conference_events(self, request: Request, form: Form) -> Response:
        """Somebody joined or left, or the conference ended."""
        return await self._record(payloads.conference_changed(form, request.query_params.get("parent", "")))

    async def _record(self, fact: AnyFact | None) -> Response:
        if fact is None:
            return Response(status_code=204)
        try:
            await self._recorder.record(fact)
        except SpoolError as error:
            # Twilio repeats what it could not deliver.
            log.error("fact_not_kept", fact=type(fact).__name__, code=error.code)
            return PlainTextResponse(f"{error}\n", status_code=503)
        except DatabaseError as error:
            log.error("fact_refused", fact=type(fact).__name__, code=error.code)
            return PlainTextResponse(f"{error}\n", status_code=500)
        return Response(status_code=204)


def _xml(twiml: str) -> Response:
    return Response(twiml, media_type="text/xml")
