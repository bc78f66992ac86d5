"""Twilio's webhooks about calls.

Bridging fails open: a ringing call is answered with dialling TwiML whatever breaks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callguard.domain.facts import AnyFact, CallArrived, CallerScreened, WordsHeard
from callguard.domain.policy import MONITORED, Consent, Decision, without_database
from callguard.errors import DatabaseError, NumberUnknown, SpoolError
from callguard.intake import payloads
from callguard.intake.recorder import Recorder
from callguard.intake.records import decision_about
from callguard.intake.routes import Route as PersonsRoute
from callguard.intake.routes import RouteBook
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import Twiml
from callguard.intake.verified import Form, verified
from callguard.intake.wordings import DEFAULT_LANGUAGE, is_announcement

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
            ("/screening-answer",): self.screening_answer,
            ("/connection-choice",): self.connection_choice,
            ("/message-recorded",): self.message_recorded,
            ("/message-taken",): self.message_taken,
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
        return self._decided(
            fact.call_sid,
            arrival.decision,
            arrival.conference_name,
            arrival.route.language,
            arrival.consent,
            arrival.hints,
        )

    def _decided(
        self,
        call_sid: str,
        decision: Decision,
        conference_name: str,
        language: str,
        consent: Consent,
        hints: Sequence[str] | None,
    ) -> str:
        if not decision.bridges:
            log.info("call_not_bridged", action=decision.action, reason=decision.reason)
            return self._twiml.turned_away(decision.action, language)
        return self._twiml.bridge(
            call_sid,
            conference_name,
            language,
            consent=consent,
            now=time.time(),
            monitor=decision.monitors,
            hints=hints,
        )

    async def _dial_directly(self, fact: CallArrived) -> str:
        route = self._routes.find(fact.called)
        if route is None:
            log.error("call_not_connected", reason="route_unknown")
            return self._twiml.unreachable(DEFAULT_LANGUAGE)
        decision = without_database(decision_about(fact, route))
        await self._spool(
            msgspec.structs.replace(fact, dialled_directly=True, call_token=None, decision=decision)
        )
        return self._direct(fact.call_sid, route, decision)

    def _direct(self, call_sid: str, route: PersonsRoute, decision: Decision) -> str:
        if not decision.bridges:
            return self._twiml.turned_away(decision.action, route.language)
        return self._twiml.direct(
            call_sid, route.first_delivery.address, route.language, time.time(), monitor=decision.monitors
        )

    async def _spool(self, fact: AnyFact) -> None:
        try:
            await self._recorder.spool(fact)
        except SpoolError as error:
            log.error("call_not_spooled", code=error.code)

    async def screening_answer(self, request: Request, form: Form) -> Response:
        """An unknown caller said who they are, or nothing: then they are asked once more."""
        fact = payloads.caller_screened(form, datetime.now(UTC))
        if fact.said is None and request.query_params.get("ask") == "1":
            return _xml(self._twiml.screen(_language(request), ask=2))
        try:
            told = await self._recorder.screened(fact)
        except Exception as error:  # noqa: BLE001  # whatever breaks, the call connects
            log.error("bridging_without_database", error=type(error).__name__)
            return _xml(await self._screened_directly(fact, form.get("To", "")))
        return _xml(
            self._decided(
                fact.call_sid, told.decision, told.conference_name, told.language, told.consent, told.hints
            )
        )

    async def _screened_directly(self, fact: CallerScreened, called: str) -> str:
        route = self._routes.find(called)
        if route is None:
            log.error("call_not_connected", reason="route_unknown")
            return self._twiml.unreachable(DEFAULT_LANGUAGE)
        await self._spool(msgspec.structs.replace(fact, dialled_directly=True))
        return self._direct(fact.call_sid, route, MONITORED)

    async def connection_choice(self, request: Request, form: Form) -> Response:
        """A key was pressed during the announcement: all that is needed to bridge is in the signed URL."""
        fact = payloads.connection_chosen(form)
        if fact is not None:
            try:
                await self._record(fact)
            except Exception as error:  # noqa: BLE001  # whatever breaks, the call connects
                log.error("choice_not_stored", error=type(error).__name__)
        twiml = self._twiml.bridge(
            payloads.call_sid(form),
            request.query_params.get("conference", ""),
            _language(request),
            consent=Consent.OFF,
            now=time.time(),
            monitor=fact is None,
        )
        return _xml(twiml)

    async def message_recorded(self, _request: Request, form: Form) -> Response:
        """A caller left a message, or hung up without one."""
        return await self._record(payloads.message_recorded(form))

    async def message_taken(self, request: Request, _form: Form) -> Response:
        """The message is over."""
        return _xml(self._twiml.message_taken(_language(request)))

    async def transcription(self, _request: Request, form: Form) -> Response:
        """Words were heard, or the transcription changed its state."""
        fact = payloads.transcription(form)
        if isinstance(fact, WordsHeard) and fact.track == "outbound_track" and is_announcement(fact.text):
            # Nobody's words; that a result came is kept all the same, or it would count as lost.
            fact = msgspec.structs.replace(fact, text="")
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


def _language(request: Request) -> str:
    return request.query_params.get("language", DEFAULT_LANGUAGE)


def _xml(twiml: str) -> Response:
    return Response(twiml, media_type="text/xml")
