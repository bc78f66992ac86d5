"""One leg: a call between Twilio and one telephone, in or out, and everything that is attached to it."""

import asyncio
import email.utils
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, Any

from callguard.local.twilio.account import API_VERSION, new_sid, utc_now
from callguard.local.twilio.media_stream import Frame, MediaStream
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import Callback, StreamOptions, Track, TranscriptionOptions
from callguard.local.twilio.plan import (
    Answered,
    CallPlan,
    EndedBy,
    LegEnded,
    LegRecord,
    Moment,
    Ringing,
    Transcribed,
    TranscriptionHabit,
)
from callguard.local.twilio.speech import Heard
from callguard.local.twilio.tasks import Tasks
from callguard.local.twilio.transcription import Transcription
from callguard.local.twilio.twiml import Document
from callguard.local.twilio.webhooks import Deliveries

if TYPE_CHECKING:
    from callguard.local.twilio.room import Room


class Direction(StrEnum):
    """Twilio's word for which way a leg was set up."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"


class HungUp(Exception):
    """The leg has ended: whoever performs TwiML on it stops. Control flow, never an error."""


class Redirected(Exception):
    """The leg goes on with another document. Control flow, never an error."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document


class CallTree:
    """A call from outside, or made by REST, and every leg that came of it."""

    def __init__(self, plan: CallPlan | None = None) -> None:
        self.plan = plan
        self.tasks = Tasks(self.collapse)
        self.legs: list[Leg] = []
        self.moments: list[Moment] = []
        # A conference that was made by REST before this call joined it has a tree of its own.
        self.joined: list[CallTree] = []

    def family(self) -> tuple["CallTree", ...]:
        """The tree itself and those of the conferences it joined."""
        return (self, *self.joined)

    def collapse(self) -> None:
        """End every leg."""
        for leg in self.legs:
            leg.hang_up(EndedBy.CARRIER, "failed")

    def note(self, kind: type[Moment], leg: "Leg", **facts: Any) -> None:  # noqa: ANN401 - each moment has its own
        """Add a moment to the timeline."""
        self.moments.append(kind(call_sid=leg.sid, at=monotonic(), wall=utc_now(), **facts))


class Leg:
    """A leg's state. Whatever happens to it wakes it; what it does next is the interpreter's affair."""

    def __init__(
        self,
        network: Network,
        tree: CallTree,
        *,
        direction: Direction,
        from_number: str,
        to_number: str,
        parent_sid: str | None = None,
        forwarded_from: str | None = None,
        callback: Callback | None = None,
    ) -> None:
        self.network = network
        self.tree = tree
        self.sid = new_sid("CA")
        self.direction = direction
        self.from_number = from_number
        self.to_number = to_number
        self.parent_sid = parent_sid
        self.forwarded_from = forwarded_from
        self.callback = callback or Callback()
        self.status = "ringing" if direction is Direction.INBOUND else "queued"
        self.created = self.updated = utc_now()
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self.answered_at: float | None = None
        self.duration_seconds = 0
        self.answered_by: str | None = None
        self.phone_number_sid: str | None = None
        self.ended = asyncio.Event()
        self.ended_by = EndedBy.CARRIER
        # Somebody listens at the far end, not a voicemail nor a call that came back; and that is who called.
        self.has_person = False
        self.is_caller = False
        # What they press when they are asked for a key.
        self.keys = ""
        # What they say when they are asked, and after the tone; and whether somebody has spoken to them.
        self.answers: list[str] = []
        self.message = b""
        self.waits_after_message = False
        self.is_addressed = False
        self.room: Room | None = None
        # The leg that ends when this one does, and the one that waits for this one to be answered or to end.
        self.peer: Leg | None = None
        self.watcher: Leg | None = None
        self.transcriptions: list[Transcription] = []
        self.streams: list[MediaStream] = []
        self.deliveries = Deliveries(network.webhooks, tree.tasks)
        self.stirred = asyncio.Event()
        self._woken = asyncio.Event()
        self._redirection: Document | None = None
        self._sequence = 0
        tree.legs.append(self)
        tree.note(Ringing, self, direction=direction, from_number=from_number, to_number=to_number)

    # What the leg is

    @property
    def has_company(self) -> bool:
        """Whether the caller is on the line with a person, or a person with the caller."""
        room = self.room
        if room is None or not room.is_open:
            return False
        others = [member.leg for member in room.others(self)]
        return any(other.has_person and other.is_caller is not self.is_caller for other in others)

    @property
    def is_waiting_for_somebody(self) -> bool:
        """Whether a telephone is ringing for the room that this leg is in."""
        return self.room is not None and bool(self.room.ringing)

    def params(self) -> dict[str, str]:
        """The parameters that every webhook about this leg carries."""
        return {
            "CallSid": self.sid,
            "AccountSid": self.network.account.sid,
            "From": self.from_number,
            "To": self.to_number,
            "Caller": self.from_number,
            "Called": self.to_number,
            "CallStatus": self.status,
            "ApiVersion": API_VERSION,
            "Direction": self.direction,
            **({"ParentCallSid": self.parent_sid} if self.parent_sid else {}),
            **({"ForwardedFrom": self.forwarded_from} if self.forwarded_from else {}),
            **({"AnsweredBy": self.answered_by} if self.answered_by else {}),
        }

    def record(self) -> LegRecord:
        """The leg as it ended."""
        return LegRecord(
            self.sid, self.direction, self.from_number, self.to_number, self.status, self.ended_by
        )

    # What happens to it

    def wake(self) -> None:
        """Let whoever waits for this leg look again."""
        self._woken.set()
        self.stirred.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Let call time pass until something happens or `seconds` are over; raises HungUp and Redirected.

        For the TwiML performed on the leg alone: a redirection is told once.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else self.network.clock.real(seconds)):
                self.check()
                self._woken.clear()
                await self._woken.wait()
        self.check()

    async def rest(self, seconds: float) -> None:
        """Let exactly this much call time pass; raises HungUp and Redirected."""
        end = monotonic() + self.network.clock.real(seconds)
        await self.wait(0)
        while (left := end - monotonic()) > 0:
            await self.wait(left * self.network.clock.speed)

    async def pause(self, seconds: float) -> None:
        """Let call time pass at the far end, where a redirection isn't noticed; raises HungUp."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.network.clock.real(seconds)):
                await self.ended.wait()
        if self.ended.is_set():
            raise HungUp

    def check(self) -> None:
        """Raise HungUp when the leg has ended, Redirected when it is to go on elsewhere."""
        if self.ended.is_set():
            raise HungUp
        if self._redirection is not None:
            document, self._redirection = self._redirection, None
            raise Redirected(document)

    def redirect(self, document: Document) -> None:
        """Leave what it does and go on with another document."""
        self._redirection = document
        self.wake()

    def progress(self, status: str, event: str) -> None:
        """Move to a status and tell the status callback, if it asked for the event."""
        self.status = status
        self.updated = utc_now()
        self._tell_progress(event, {"CallStatus": "initiated"} if event == "initiated" else {})

    def answer(self) -> None:
        """The call is answered: call time is counted from here."""
        self.answered_at = monotonic()
        self.started = utc_now()
        self.tree.note(Answered, self)
        self.progress("in-progress", "answered")
        if self.watcher:
            self.watcher.wake()

    def hang_up(
        self, ended_by: EndedBy, status: str = "completed", reason: str = "participant_hung_up"
    ) -> None:
        """End the leg, at once; its attachments and last callbacks are wound up in the background."""
        if self.ended.is_set():
            return
        self.status = status
        self.ended_by = ended_by
        self.finished = self.updated = utc_now()
        if self.answered_at is not None:
            self.duration_seconds = round(self.network.clock.elapsed(self.answered_at))
        self.ended.set()
        if self.room:
            self.room.leave(self, reason)
        self.wake()
        self.tree.note(LegEnded, self, status=status, ended_by=ended_by)
        self.tree.tasks.spawn(self._wind_up())
        if self.watcher:
            self.watcher.wake()
        if self.peer:
            self.peer.hang_up(ended_by)

    async def _wind_up(self) -> None:
        await asyncio.gather(*(stream.stop() for stream in self.streams))
        await asyncio.gather(*(transcription.stop() for transcription in self.transcriptions))
        self._tell_progress(
            "completed",
            {"CallDuration": str(self.duration_seconds), "Duration": str(-(-self.duration_seconds // 60))},
        )

    def _tell_progress(self, event: str, facts: Mapping[str, str]) -> None:
        if self.callback.wants(event):
            progress = {
                "Timestamp": email.utils.format_datetime(utc_now()),
                "CallbackSource": "call-progress-events",
                "SequenceNumber": str(self._sequence),
            }
            self._sequence += 1
            self.deliveries.post(
                self.callback.url, {**self.params(), **progress, **facts}, self.callback.method
            )

    # What is said on it

    def hear(self, track: Track, heard: Heard) -> None:
        """Words on one track: its transcriptions tell them."""
        if track is Track.OUTBOUND and heard.is_final:
            self.is_addressed = True
            self.wake()
        for transcription in self.transcriptions:
            if transcription.tell(track, heard):
                self.note_result(track, heard)

    def note_result(self, track: Track, heard: Heard) -> None:
        """A result was told: keep it in the timeline."""
        self.tree.note(
            Transcribed, self, track=track, text=heard.text, is_final=heard.is_final, words=heard.words
        )

    def speak(self, heard: Heard) -> None:
        """Words from the far end: on its own inbound track, and outbound for everyone who hears it."""
        self.hear(Track.INBOUND, heard)
        if self.room:
            for listener in self.room.listeners(self):
                listener.hear(Track.OUTBOUND, heard)

    def hear_frame(self, frame: Frame) -> None:
        """20 ms of both tracks: its streams and transcriptions take what they asked for."""
        for stream in self.streams:
            stream.feed(frame)
        for transcription in self.transcriptions:
            transcription.feed(frame)

    def start_transcription(self, options: TranscriptionOptions) -> Transcription:
        """Begin to transcribe."""
        habit = self.tree.plan.transcription if self.tree.plan else TranscriptionHabit.WORKS
        transcription = Transcription(
            self.network,
            self.tree.tasks,
            self.sid,
            options,
            self.note_result,
            habit.of_session(len(self.transcriptions)),
        )
        self.transcriptions.append(transcription)
        transcription.start()
        return transcription

    def start_stream(self, options: StreamOptions) -> MediaStream:
        """Begin to stream."""
        stream = MediaStream(self.network, self.tree.tasks, self.sid, options)
        self.streams.append(stream)
        stream.start()
        return stream

    def number_callback(self, url: str, method: str) -> None:
        """A telephone number's own status callback hears of the end only."""
        self.callback = replace(self.callback, url=url, method=method, events=frozenset({"completed"}))
