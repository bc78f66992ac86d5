"""Performs TwiML on a leg: one verb after the other, until the document, or the leg, has ended."""

import email.utils
from time import monotonic
from typing import Protocol

from callguard.domain.audio import SAMPLE_RATE
from callguard.local.twilio import debugger as codes
from callguard.local.twilio.conference import LEFT_BY_API, Conference
from callguard.local.twilio.leg import CallTree, Direction, HungUp, Leg, Redirected
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import ConferenceOptions, Source, Track
from callguard.local.twilio.plan import EndedBy
from callguard.local.twilio.recordings import Recording
from callguard.local.twilio.room import Member, Room
from callguard.local.twilio.speech import CONFIDENCE, SECONDS_A_WORD, growing, heard
from callguard.local.twilio.twiml import (
    Dial,
    Document,
    Gather,
    Hangup,
    NumberTarget,
    Pause,
    Record,
    Redirect,
    Reject,
    Say,
    StartStream,
    StartTranscription,
    StopStream,
    StopTranscription,
    Verb,
)

MOST_DOCUMENTS = 100


class Dialler(Protocol):
    """What the interpreter needs of the telephone exchange."""

    def conference_named(self, name: str, tree: CallTree) -> Conference:
        """The conference of that name that is under way, or a new one."""
        ...

    async def ring(self, leg: Leg, timeout: int) -> bool:
        """Ring an outbound leg's telephone; True once it is answered, False when the leg has ended."""
        ...


class Interpreter:
    """Performs documents. The caller of `run` has answered the leg; when `run` returns, the leg has ended."""

    def __init__(self, network: Network, dialler: Dialler) -> None:
        self._network = network
        self._dialler = dialler

    async def run(self, leg: Leg, document: Document | None) -> None:
        """Perform a document and those it leads to, then hang up."""
        following = document
        try:
            for _ in range(MOST_DOCUMENTS):
                if following is None:
                    break
                try:
                    following = await self._perform(leg, following)
                except Redirected as redirected:
                    following = redirected.document
            else:
                self._network.debugger.tell(
                    codes.TWIML_WARNING, "The call was redirected without end", leg.sid
                )
        except HungUp:
            return
        leg.hang_up(EndedBy.TWIML)

    async def _perform(self, leg: Leg, document: Document) -> Document | None:
        for verb in document.verbs:
            leg.check()
            match verb:
                case Redirect():
                    return await self._fetch(leg, verb.url, verb.method, {})
                case Dial():
                    result = await self._dial(leg, verb)
                    if verb.action:
                        return await self._fetch(leg, verb.action, verb.method, result)
                case Gather() | Record():
                    told = await self._ask(leg, verb)
                    if told is not None:
                        return await self._fetch(leg, verb.action, verb.method, told)
                case Hangup() | Reject():
                    return None
                case _:
                    await self._do(leg, verb)
        return None

    async def _ask(self, leg: Leg, verb: Gather | Record) -> dict[str, str] | None:
        """What the action is told of the answer; None where the document goes on."""
        return await (self._gather(leg, verb) if isinstance(verb, Gather) else self._record(leg, verb))

    async def _gather(self, leg: Leg, gather: Gather) -> dict[str, str] | None:
        for verb in gather.verbs:
            await self._do(leg, verb)
        if gather.keys and leg.keys:
            keys, leg.keys = leg.keys[: gather.digits], leg.keys[gather.digits :]
            return {"Digits": keys}
        said = leg.answers.pop(0) if gather.speech and leg.answers else ""
        if said:
            await self._hear_answer(leg, said)
            return {"SpeechResult": said, "Confidence": f"{CONFIDENCE:.7f}"}
        await leg.rest(gather.timeout)
        return {"Digits": ""} if gather.always else None

    async def _hear_answer(self, leg: Leg, text: str) -> None:
        clock = self._network.clock
        began = monotonic()
        for step in growing(text, instant=clock.instant):
            await leg.rest(step.seconds)
            leg.speak(heard(step, began, clock.real(SECONDS_A_WORD)))

    async def _record(self, leg: Leg, record: Record) -> dict[str, str] | None:
        audio, leg.message = leg.message[: record.longest * SAMPLE_RATE], b""
        await leg.rest(len(audio) / SAMPLE_RATE)
        hangs_up = bool(audio) and not leg.waits_after_message
        if not hangs_up:
            await leg.rest(record.timeout)
        recording = Recording(self._network.account.sid, leg.sid, audio)
        status = "completed" if audio else "absent"
        if record.callback.wants(status):
            facts = {
                "AccountSid": self._network.account.sid,
                "CallSid": leg.sid,
                **recording.params(),
                "RecordingStatus": status,
                "RecordingChannels": "1",
                "RecordingStartTime": email.utils.format_datetime(recording.started),
                "RecordingSource": "RecordVerb",
                "ErrorCode": "0",
            }
            leg.deliveries.post(record.callback.url, facts, record.callback.method)
        if not audio:
            return None
        self._network.recordings.keep(recording)
        if hangs_up:
            leg.hang_up(EndedBy.CALLER)
        return {**recording.params(), "Digits": "hangup" if hangs_up else ""}

    async def _do(self, leg: Leg, verb: Verb) -> None:
        match verb:
            case Say():
                await self.say(leg, verb.text)
            case Pause():
                await leg.rest(verb.seconds)
            case StartTranscription():
                leg.start_transcription(verb.options)
            case StartStream():
                leg.start_stream(verb.options)
            case StopTranscription() | StopStream():
                self._stop(leg, verb)

    def _stop(self, leg: Leg, verb: StopTranscription | StopStream) -> None:
        sessions = leg.transcriptions if isinstance(verb, StopTranscription) else leg.streams
        for session in sessions:
            if session.options.name == verb.name:
                leg.tree.tasks.spawn(session.stop())

    async def say(self, leg: Leg, text: str) -> None:
        """Speak to a leg; what is spoken comes back from its transcriptions as the outbound track."""
        clock = self._network.clock
        began = monotonic()
        for step in growing(text, instant=clock.instant):
            await leg.rest(step.seconds)
            said = heard(step, began, clock.real(SECONDS_A_WORD))
            leg.hear(Track.OUTBOUND, said)
            if leg.peer is not None:
                leg.peer.speak(said)

    async def _fetch(self, leg: Leg, url: str, method: str, facts: dict[str, str]) -> Document | None:
        document = await self._network.webhooks.document(Source(url, method), {**leg.params(), **facts})
        leg.check()
        return document

    async def _dial(self, leg: Leg, dial: Dial) -> dict[str, str]:
        """Connect the leg until the other side has gone; gives the parameters that `action` is told."""
        match dial.target:
            case ConferenceOptions():
                return await self._conference(leg, dial.target)
            case NumberTarget():
                return await self._number(leg, dial, dial.target)
            case None:
                return {"DialCallStatus": "failed"}

    async def _conference(self, leg: Leg, options: ConferenceOptions) -> dict[str, str]:
        conference = self._dialler.conference_named(options.name, leg.tree)
        if not conference.join(leg, options):
            return {"DialCallStatus": "failed"}
        try:
            while leg.room is conference:
                await leg.wait()
        except Redirected:
            conference.leave(leg, LEFT_BY_API)
            raise
        return {"DialCallStatus": "answered"}

    async def _number(self, leg: Leg, dial: Dial, target: NumberTarget) -> dict[str, str]:
        room = Room()
        child = Leg(
            self._network,
            leg.tree,
            direction=Direction.OUTBOUND_DIAL,
            from_number=dial.caller_id or leg.from_number,
            to_number=target.number,
            parent_sid=leg.sid,
            callback=target.callback,
        )
        child.watcher = leg
        alone = ConferenceOptions(name="")
        room.ringing[child.sid] = Member.joining(child, alone)
        room.join(leg, alone)
        leg.tree.tasks.spawn(self._bridge(child, room, dial.timeout))
        try:
            while not child.ended.is_set():
                await leg.wait()
        finally:
            room.ringing.clear()
            if leg.room is room:
                room.leave(leg, "")
            child.hang_up(EndedBy.CALLER, "completed" if child.answered_at else "canceled")
        return {
            "DialCallStatus": child.status,
            "DialCallSid": child.sid,
            "DialCallDuration": str(child.duration_seconds),
            "DialBridged": str(child.answered_at is not None).lower(),
        }

    async def _bridge(self, child: Leg, room: Room, timeout: int) -> None:
        if not await self._dialler.ring(child, timeout):
            return
        room.join(child, ConferenceOptions(name=""))
        try:
            while child.room is room:
                await child.wait()
        except HungUp:
            return
        child.hang_up(EndedBy.CALLER)
