"""The telephone exchange: calls that come in, telephones that are rung, and the conferences between them."""

import base64
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any
from urllib.parse import quote

from callguard.local.twilio.account import Numbers, PhoneNumber
from callguard.local.twilio.conference import Conference
from callguard.local.twilio.conversation import Caller
from callguard.local.twilio.handset import PhoneBook
from callguard.local.twilio.interpreter import Interpreter
from callguard.local.twilio.leg import CallTree, Direction, HungUp, Leg
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import Callback, Source, Track
from callguard.local.twilio.plan import CallPlan, CallRecord, Connected, EndedBy, Moment, Outcome
from callguard.local.twilio.room import Member
from callguard.local.twilio.speech import SECONDS_A_WORD, growing, heard
from callguard.local.twilio.telephones import Telephones
from callguard.local.twilio.twiml import Dial, Document, Pause, Reject, Say

MACHINE_DETECTION_SECONDS = 3.0


class Exchange:
    """Every leg and conference, by SID, and what sets them up."""

    def __init__(self, network: Network, phone_book: PhoneBook, numbers: Numbers) -> None:
        self.network = network
        self.numbers = numbers
        self.legs: dict[str, Leg] = {}
        self.conferences: dict[str, Conference] = {}
        self.callers_by_token: dict[str, str] = {}
        self.announcements: list[Announcement] = []
        self.interpreter = Interpreter(network, self)
        self._telephones = Telephones(phone_book, numbers, self._call_in)
        self._under_way: dict[str, Conference] = {}
        self._trees: set[CallTree] = set()

    # Calls from outside

    async def place(self, plan: CallPlan) -> CallRecord:
        """Call a number of the account as the plan says, and wait until nothing of it is left."""
        tree = CallTree(plan)
        leg = self._add(
            Leg(
                self.network,
                tree,
                direction=Direction.INBOUND,
                from_number=plan.from_number,
                to_number=plan.to_number,
                forwarded_from=plan.forwarded_from,
            )
        )
        leg.has_person = leg.is_caller = True
        tree.tasks.spawn(self._receive(leg))
        await self._see_through(tree)
        family = tree.family()
        record = CallRecord(
            call_sid=leg.sid,
            outcome=_outcome(leg),
            ended_by=leg.ended_by,
            legs=tuple(each.record() for relative in family for each in relative.legs),
            timeline=tuple(sorted((moment for each in family for moment in each.moments), key=_when)),
        )
        # The legs are kept for REST; what was said on them belongs to the record alone.
        tree.moments.clear()
        return record

    async def _see_through(self, tree: CallTree) -> None:
        self._trees.add(tree)
        try:
            while any(relative.tasks.is_busy for relative in tree.family()):
                for relative in tree.family():
                    await relative.tasks.settled()
        finally:
            await tree.tasks.cancel()
            self._trees.discard(tree)
            tree.plan = None

    def supervise(self, tree: CallTree) -> None:
        """See a tree through that nobody waits for, until nothing of it runs."""
        if tree not in self._trees:
            self._trees.add(tree)
            self.network.tasks.spawn(self._see_through(tree))

    async def close(self) -> None:
        """End everything that still runs."""
        for tree in tuple(self._trees):
            await tree.tasks.cancel()

    def _add(self, leg: Leg) -> Leg:
        self.legs[leg.sid] = leg
        return leg

    async def _call_in(self, leg: Leg) -> None:
        await self._receive(self._add(leg))

    async def _receive(self, leg: Leg) -> None:
        number = self.numbers.find(leg.to_number)
        if number is None or not number.voice_url:
            leg.hang_up(EndedBy.CARRIER, "failed")
            return
        leg.phone_number_sid = number.sid
        leg.number_callback(number.status_callback, number.status_callback_method)
        token = self._call_token(leg, number)
        try:
            source = Source(
                number.voice_url, number.voice_method, number.voice_fallback_url, number.voice_fallback_method
            )
            document = await self.network.webhooks.document(source, _inbound_params(leg, token))
            await self._take(leg, document)
        finally:
            self.callers_by_token.pop(token, None)

    async def _take(self, leg: Leg, document: Document | None) -> None:
        if leg.ended.is_set():
            return
        match document:
            case None:
                # The real Twilio answers, apologises for an application error, and hangs up.
                leg.answer()
                leg.hang_up(EndedBy.CARRIER)
            case Document(verbs=(Reject(reason), *_)):
                leg.hang_up(EndedBy.TWIML, "busy" if reason == "busy" else "no-answer")
            case _:
                leg.answer()
                plan = leg.tree.plan
                if plan is not None and leg is leg.tree.legs[0]:
                    leg.keys, leg.answers, leg.message = plan.keys, list(plan.answers), plan.message
                    leg.waits_after_message = plan.waits_after_message
                    leg.tree.tasks.spawn(Caller(leg, plan).take_part())
                await self.interpreter.run(leg, document)

    def _call_token(self, leg: Leg, number: PhoneNumber) -> str:
        """What lets another leg bear this caller's number; only POST webhooks of STIR calls carry it."""
        plan = leg.tree.plan
        if plan is None or plan.stir is None or number.voice_method != "POST":
            return ""
        facts = {"callSid": leg.sid, "from": leg.from_number, "to": leg.to_number, "iat": str(int(time()))}
        parts = ({"alg": "ES256"}, facts, {"stand-in": leg.sid})
        jwt = ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
        )
        token = quote(json.dumps({"parentCallInfoToken": jwt, "identityHeaderTokens": []}), safe="")
        self.callers_by_token[token] = leg.from_number
        return token

    # Telephones that are rung

    def call_out(
        self,
        tree: CallTree,
        *,
        from_number: str,
        to_number: str,
        callback: Callback,
    ) -> Leg:
        """A new leg by REST; it rings when `connect` is spawned."""
        return self._add(
            Leg(
                self.network,
                tree,
                direction=Direction.OUTBOUND_API,
                from_number=from_number,
                to_number=to_number,
                callback=callback,
            )
        )

    async def connect(
        self,
        leg: Leg,
        timeout: int,
        document: Callable[[], Coroutine[Any, Any, Document | None]],
        detection: "MachineDetection | None" = None,
    ) -> None:
        """Ring the telephone of a leg made by REST and perform the document on it once it is answered."""
        if not await self.ring(leg, timeout):
            return
        try:
            if detection and detection.is_awaited:
                await self._detect(leg, detection)
            elif detection:
                leg.tree.tasks.spawn(self._detect_aside(leg, detection))
        except HungUp:
            return
        await self.interpreter.run(leg, await document())

    async def join_conference(
        self, leg: Leg, conference: Conference, timeout: int, detection: "MachineDetection | None"
    ) -> None:
        """Ring the telephone of an invited leg and let it into the conference."""
        member = conference.ringing.get(leg.sid)
        if member is None:
            return
        options = member.options

        async def join() -> Document:
            return Document((Dial(options),))

        await self.connect(leg, timeout, join, detection)
        conference.uninvite(leg)

    async def ring(self, leg: Leg, timeout: int) -> bool:
        """Ring an outbound leg's telephone; True once it is answered, False when the leg has ended."""
        return await self._telephones.ring(self._add(leg), timeout)

    async def _detect_aside(self, leg: Leg, detection: "MachineDetection") -> None:
        with suppress(HungUp):
            await self._detect(leg, detection)

    async def _detect(self, leg: Leg, detection: "MachineDetection") -> None:
        await leg.pause(MACHINE_DETECTION_SECONDS)
        leg.answered_by = "human" if leg.has_person else detection.machine
        if detection.callback.url:
            facts = {"MachineDetectionDuration": str(int(MACHINE_DETECTION_SECONDS * 1000))}
            leg.deliveries.post(detection.callback.url, {**leg.params(), **facts}, detection.callback.method)

    # Conferences

    async def announce(self, conference: Conference, member: Member | None, url: str, method: str) -> None:
        """Speak the TwiML of a URL to one member alone, or to everybody."""
        params = {
            "AccountSid": self.network.account.sid,
            "ConferenceSid": conference.sid,
            "FriendlyName": conference.name,
            **({"CallSid": member.leg.sid} if member else {}),
        }
        document = await self.network.webhooks.document(Source(url, method), params)
        for verb in document.verbs if document else ():
            if isinstance(verb, Pause):
                await self.network.clock.sleep(verb.seconds)
            elif isinstance(verb, Say):
                call_sid = member.leg.sid if member else None
                self.announcements.append(Announcement(conference.sid, call_sid, verb.text, monotonic()))
                await self._speak_to(conference, member, verb.text)
        conference.announced(url, member, succeeded=document is not None)

    async def _speak_to(self, conference: Conference, member: Member | None, text: str) -> None:
        clock = self.network.clock
        began = monotonic()
        for step in growing(text, instant=clock.instant):
            await clock.sleep(step.seconds)
            for listener in [member] if member else list(conference.members.values()):
                listener.leg.hear(Track.OUTBOUND, heard(step, began, clock.real(SECONDS_A_WORD)))

    def conference_named(self, name: str, tree: CallTree) -> Conference:
        """The conference of that name that is under way, or a new one."""
        if name not in self._under_way:
            conference = Conference(self.network, tree, name, self._conference_ended)
            self._under_way[name] = conference
            self.conferences[conference.sid] = conference
        return self._under_way[name]

    def find_conference(self, key: str) -> Conference | None:
        """A conference under way, by SID or by name."""
        return self._under_way.get(key) or self.conferences.get(key)

    def _conference_ended(self, conference: Conference) -> None:
        del self._under_way[conference.name]


@dataclass(frozen=True, slots=True)
class Announcement:
    """Words spoken into a conference; `call_sid` is the only one who heard them, None when all did."""

    conference_sid: str
    call_sid: str | None
    text: str = field(repr=False)
    at: float


class MachineDetection:
    """Answering machine detection as a REST request asked for it."""

    def __init__(self, mode: str, callback: Callback, *, is_awaited: bool) -> None:
        self.callback = callback
        self.is_awaited = is_awaited
        self.machine = "machine_end_beep" if mode == "DetectMessageEnd" else "machine_start"


def _inbound_params(leg: Leg, token: str) -> dict[str, str]:
    plan = leg.tree.plan
    is_diverted = leg.forwarded_from is not None
    verdict = "No-TN-Validation"
    if plan and plan.stir:
        verdict = f"TN-Validation-Passed-{plan.stir}" + ("-Diverted" if is_diverted else "")
    places = {f"{side}{part}": "" for side in ("From", "To") for part in ("City", "State", "Zip")}
    return {
        **leg.params(),
        **places,
        "FromCountry": "US",
        "ToCountry": "US",
        "StirVerstat": verdict,
        **({"CalledVia": leg.forwarded_from} if leg.forwarded_from else {}),
        **({"CallToken": token} if token else {}),
    }


def _when(moment: Moment) -> float:
    return moment.at


def _outcome(leg: Leg) -> Outcome:
    if leg.ended_by is EndedBy.CARRIER:
        return Outcome.FAILED
    if leg.answered_at is None:
        return Outcome.REJECTED
    is_met = any(isinstance(moment, Connected) for moment in leg.tree.moments)
    return Outcome.COMPLETED if is_met else Outcome.NO_ANSWER
