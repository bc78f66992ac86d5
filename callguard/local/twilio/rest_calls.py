"""REST: Calls, and the Transcriptions and Streams on them."""

import asyncio
import functools
from typing import Final

from callguard.local.twilio import resources
from callguard.local.twilio.conference import LEFT_BY_API
from callguard.local.twilio.exchange import Exchange, MachineDetection
from callguard.local.twilio.leg import CallTree, Leg
from callguard.local.twilio.options import CALL_EVENTS, Callback, Source, StreamOptions, TranscriptionOptions
from callguard.local.twilio.plan import EndedBy
from callguard.local.twilio.rest import (
    NOT_IN_PROGRESS,
    NOT_SUPPORTED,
    Answer,
    Inquiry,
    Refused,
    Routes,
    in_range,
    is_number,
    not_found,
    page,
    refuse_value,
)
from callguard.local.twilio.twiml import Document

LONGEST_TWIML: Final = 4000
# The numbers that stand for withheld callers: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE on a dial.
WITHHELD: Final = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})


def check_parties(exchange: Exchange, inquiry: Inquiry) -> tuple[str, str]:
    """From and To of a new leg: From is a number of the account, or the caller that a CallToken is of."""
    from_number, to_number, token = (inquiry.get(name) for name in ("From", "To", "CallToken"))
    if not to_number:
        raise Refused(21201, "No 'To' number is specified")
    if not is_number(to_number) and not to_number.startswith(("sip:", "client:")):
        raise Refused(21211, "The 'To' number is not a valid phone number")
    if not from_number:
        raise Refused(21213, "No 'From' number is specified")
    if not is_number(from_number) or from_number in WITHHELD:
        raise Refused(21212, "The 'From' number is not a valid phone number")
    if token and exchange.callers_by_token.get(token) != from_number:
        raise Refused(21210, "The 'From' number is not the caller of the call that the CallToken belongs to")
    if not token and exchange.numbers.find(from_number) is None:
        raise Refused(21210, "The 'From' number is not a number of this account")
    return from_number, to_number


def progress_callback(inquiry: Inquiry) -> Callback:
    """StatusCallback of a new leg: its end alone, unless more was asked for."""
    values = inquiry.values()
    return Callback(
        values.url("statusCallback"),
        values.method("statusCallbackMethod"),
        values.several("statusCallbackEvent", "completed", CALL_EVENTS),
    )


def machine_detection(inquiry: Inquiry, callback_name: str, *, is_awaited: bool) -> MachineDetection | None:
    """MachineDetection, where it was asked for."""
    mode = inquiry.get("MachineDetection")
    if not mode:
        return None
    values = inquiry.values()
    callback = Callback(values.url(callback_name), values.method(f"{callback_name}Method"))
    return MachineDetection(mode, callback, is_awaited=is_awaited)


class CallsApi:
    """Calls and what is started on them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> Routes:
        """Method, path below the account, handler."""
        return (
            ("POST", "/Calls.json", self.create),
            ("GET", "/Calls.json", self.list_all),
            ("GET", "/Calls/{sid}.json", self.fetch),
            ("POST", "/Calls/{sid}.json", self.update),
            ("DELETE", "/Calls/{sid}.json", self.delete),
            ("POST", "/Calls/{sid}/Transcriptions.json", self.start_transcription),
            ("POST", "/Calls/{sid}/Transcriptions/{key}.json", self.stop_transcription),
            ("POST", "/Calls/{sid}/Streams.json", self.start_stream),
            ("POST", "/Calls/{sid}/Streams/{key}.json", self.stop_stream),
            ("POST", "/Calls/{sid}/Recordings.json", self.no_recordings),
            ("GET", "/Calls/{sid}/Recordings.json", self.no_recordings),
        )

    async def create(self, inquiry: Inquiry) -> Answer:
        """Call a telephone and perform TwiML on it."""
        from_number, to_number = check_parties(self._exchange, inquiry)
        document = self._document(inquiry)
        if document is None:
            raise Refused(21205, "Url or Twiml is required")
        timeout = inquiry.values().whole("timeout", 60, least=1, most=600)
        detection = machine_detection(
            inquiry, "asyncAmdStatusCallback", is_awaited=inquiry.get("AsyncAmd") != "true"
        )
        tree = CallTree()
        leg = self._exchange.call_out(
            tree, from_number=from_number, to_number=to_number, callback=progress_callback(inquiry)
        )

        async def ring() -> None:
            perform = functools.partial(document, leg)
            tree.tasks.spawn(self._exchange.connect(leg, timeout, perform, detection))
            self._exchange.supervise(tree)

        return Answer(resources.call(leg), 201, ring)

    def _document(self, inquiry: Inquiry) -> "_DocumentOf | None":
        twiml = inquiry.get("Twiml")
        if len(twiml) > LONGEST_TWIML:
            raise Refused(NOT_SUPPORTED, "Twiml must not be longer than 4000 characters")
        values = inquiry.values()
        source = Source(
            values.url("url"),
            values.method("method"),
            values.url("fallbackUrl"),
            values.method("fallbackMethod"),
        )
        return _DocumentOf(twiml, source) if twiml or source.url else None

    async def list_all(self, inquiry: Inquiry) -> Answer:
        """The calls, newest first."""
        wanted = {name: inquiry.get(name) for name in ("To", "From", "Status", "ParentCallSid")}

        def fits(leg: Leg) -> bool:
            facts = {
                "To": leg.to_number,
                "From": leg.from_number,
                "Status": leg.status,
                "ParentCallSid": leg.parent_sid,
            }
            return (
                all(facts[name] == value for name, value in wanted.items() if value)
                and in_range(inquiry, "StartTime", leg.started)
                and in_range(inquiry, "EndTime", leg.finished)
            )

        legs = [leg for leg in reversed(self._exchange.legs.values()) if fits(leg)]
        return page(inquiry, "calls", [resources.call(leg) for leg in legs])

    async def fetch(self, inquiry: Inquiry) -> Answer:
        """One call."""
        return Answer(resources.call(self._leg(inquiry)))

    async def update(self, inquiry: Inquiry) -> Answer:
        """End a call, or have it go on with other TwiML."""
        leg = self._leg(inquiry)
        status = inquiry.get("Status")
        if leg.ended.is_set():
            raise Refused(NOT_IN_PROGRESS, "The call is not in progress")
        if status:
            if status not in {"completed", "canceled"}:
                refuse_value("Status must be completed or canceled")
            if status == "canceled" and leg.answered_at is not None:
                raise Refused(NOT_IN_PROGRESS, "The call was answered and can't be canceled; complete it")
            final = "completed" if leg.answered_at is not None else "canceled"
            leg.hang_up(EndedBy.API, final, LEFT_BY_API)
            return Answer(resources.call(leg))
        document = self._document(inquiry)
        if document is None:
            return Answer(resources.call(leg))
        if leg.answered_at is None:
            raise Refused(NOT_IN_PROGRESS, "The call is not in progress and can't be redirected")

        async def go_on() -> None:
            leg.tree.tasks.spawn(_redirect(leg, document))

        return Answer(resources.call(leg), then=go_on)

    async def delete(self, inquiry: Inquiry) -> Answer:
        """Forget a call that has ended."""
        leg = self._leg(inquiry)
        if not leg.ended.is_set():
            raise Refused(20009, "A call in progress can't be deleted", 409)
        del self._exchange.legs[leg.sid]
        return Answer(None, 204)

    async def start_transcription(self, inquiry: Inquiry) -> Answer:
        """Transcribe a call in progress."""
        leg = self._leg_in_progress(inquiry)
        options = TranscriptionOptions.read(inquiry.values())
        return Answer(resources.transcription(leg.start_transcription(options), leg))

    async def stop_transcription(self, inquiry: Inquiry) -> Answer:
        """End a transcription, by SID or name."""
        leg, key = self._leg(inquiry), inquiry.ids["key"]
        for session in leg.transcriptions:
            if key in {session.sid, session.options.name}:
                _must_stop(inquiry)
                leg.tree.tasks.spawn(session.stop())
                await asyncio.sleep(0)
                return Answer(resources.transcription(session, leg))
        raise not_found()

    async def start_stream(self, inquiry: Inquiry) -> Answer:
        """Stream the audio of a call in progress."""
        leg = self._leg_in_progress(inquiry)
        if not inquiry.get("Url"):
            refuse_value("Url is required")
        numbers = [name.removesuffix(".Name") for name in inquiry.params if name.endswith(".Name")]
        parameters = {inquiry.get(f"{number}.Name"): inquiry.get(f"{number}.Value") for number in numbers}
        options = StreamOptions.read(inquiry.values(), parameters)
        return Answer(resources.stream(leg.start_stream(options), leg))

    async def stop_stream(self, inquiry: Inquiry) -> Answer:
        """End a stream, by SID or name."""
        leg, key = self._leg(inquiry), inquiry.ids["key"]
        for stream in leg.streams:
            if key in {stream.sid, stream.options.name}:
                _must_stop(inquiry)
                leg.tree.tasks.spawn(stream.stop())
                await asyncio.sleep(0)
                return Answer(resources.stream(stream, leg))
        raise not_found()

    async def no_recordings(self, inquiry: Inquiry) -> Answer:
        """Call audio is never kept here."""
        self._leg(inquiry)
        raise Refused(NOT_SUPPORTED, "Recordings are not supported by the stand-in")

    def _leg(self, inquiry: Inquiry) -> Leg:
        leg = self._exchange.legs.get(inquiry.ids["sid"])
        if leg is None:
            raise not_found()
        return leg

    def _leg_in_progress(self, inquiry: Inquiry) -> Leg:
        leg = self._leg(inquiry)
        if leg.status != "in-progress":
            raise Refused(NOT_IN_PROGRESS, "The call is not in progress")
        return leg


class _DocumentOf:
    """TwiML given in a request, or the URL that it comes from."""

    def __init__(self, twiml: str, source: Source) -> None:
        self._twiml = twiml
        self._source = source

    async def __call__(self, leg: Leg) -> Document | None:
        webhooks = leg.network.webhooks
        if self._twiml:
            return webhooks.read(self._twiml, "", leg.sid)
        return await webhooks.document(self._source, leg.params())


async def _redirect(leg: Leg, document: _DocumentOf) -> None:
    following = await document(leg)
    if following is None:
        leg.hang_up(EndedBy.CARRIER, reason=LEFT_BY_API)
    else:
        leg.redirect(following)


def _must_stop(inquiry: Inquiry) -> None:
    if inquiry.get("Status") != "stopped":
        refuse_value("Status must be stopped")
