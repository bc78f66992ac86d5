"""The caller's side of a placed call: wait for the person, say what the plan says, hang up."""

import asyncio
from time import monotonic

from callguard.domain.transcript import Speaker
from callguard.local.twilio.clock import Pacer
from callguard.local.twilio.leg import HungUp, Leg
from callguard.local.twilio.media_stream import FRAME_BYTES, FRAME_MS, SILENCE, Frame
from callguard.local.twilio.plan import (
    AudioConversation,
    CallPlan,
    Connected,
    DialogueConversation,
    EndedBy,
    SpokenTurn,
    TurnStarted,
)
from callguard.local.twilio.speech import SECONDS_A_WORD, growing, heard

LAST_PAUSE_SECONDS = 0.5


class Caller:
    """Somebody who called a number of the account and has something to say to the person there."""

    def __init__(self, leg: Leg, plan: CallPlan) -> None:
        self._leg = leg
        self._plan = plan
        self._clock = leg.network.clock

    async def take_part(self) -> None:
        """Hold the conversation and hang up."""
        try:
            match self._plan.conversation:
                case DialogueConversation() as dialogue:
                    await self._talk(dialogue)
                case AudioConversation() as audio:
                    await self._play(audio)
            await self._leg.pause(LAST_PAUSE_SECONDS)
        except HungUp:
            return
        self._leg.hang_up(EndedBy.CALLER)

    async def _meet(self) -> bool:
        """Wait until the person is on the line; False when the caller lost patience or the leg ended."""
        leg = self._leg
        while not leg.ended.is_set():
            if leg.has_company:
                return True
            leg.stirred.clear()
            is_hopeful = leg.is_waiting_for_somebody
            patience = None if is_hopeful else self._clock.patience(self._plan.patience_seconds)
            try:
                async with asyncio.timeout(patience):
                    await leg.stirred.wait()
            except TimeoutError:
                return False
        return False

    def _person(self) -> Leg | None:
        room = self._leg.room
        others = room.others(self._leg) if room else ()
        return next((member.leg for member in others if member.leg.has_person), None)

    async def _talk(self, dialogue: DialogueConversation) -> None:
        leg = self._leg
        for number, turn in enumerate(dialogue.turns, 1):
            if not await self._meet():
                return
            if number == 1:
                leg.tree.note(Connected, leg)
            leg.tree.note(TurnStarted, leg, turn=number, speaker=turn.speaker)
            await self._say(turn, dialogue.language)
            if dialogue.after_turn or self._clock.instant:
                await self._delivered()
            if dialogue.after_turn:
                await dialogue.after_turn(leg.sid, number)

    async def _delivered(self) -> None:
        legs = [leg for tree in self._leg.tree.family() for leg in tree.legs]
        await asyncio.gather(*(session.drained() for leg in legs for session in leg.transcriptions))

    async def _say(self, turn: SpokenTurn, language: str) -> None:
        began = monotonic()
        for step in growing(turn.text, instant=self._clock.instant):
            await self._leg.pause(step.seconds)
            speaker = self._leg if turn.speaker is Speaker.CALLER else self._person()
            if speaker:
                speaker.speak(heard(step, began, self._clock.real(SECONDS_A_WORD), language))

    async def _play(self, audio: AudioConversation) -> None:
        pacer = Pacer(self._clock, FRAME_MS / 1000)
        if not await self._meet_in_silence(pacer):
            return
        leg = self._leg
        leg.tree.note(Connected, leg)
        callee = audio.callee or b""
        for start in range(0, max(len(audio.caller), len(callee)), FRAME_BYTES):
            tick, at = pacer.tick, await pacer.next()
            if not leg.has_company:
                return
            self._sound(
                tick,
                at,
                _cut(audio.caller, start),
                None if audio.callee is None else _cut(audio.callee, start),
            )

    async def _meet_in_silence(self, pacer: Pacer) -> bool:
        """Wait for the person; streams hear the line's silence meanwhile, unless no time passes."""
        if self._clock.instant:
            return await self._meet()
        async with asyncio.TaskGroup() as group:
            meeting = group.create_task(self._meet())
            while not meeting.done():
                tick, at = pacer.tick, await pacer.next()
                self._leg.hear_frame(Frame(tick, at, None, None))
        return meeting.result()

    def _sound(self, tick: int, at: float, caller: bytes | None, callee: bytes | None) -> None:
        """20 ms of the conversation, to everyone who hears it."""
        leg, room, person = self._leg, self._leg.room, self._person()
        if room is None or person is None:
            return
        hear_caller = room.listeners(leg)
        hear_person = room.listeners(person)
        leg.hear_frame(Frame(tick, at, caller, callee if leg in hear_person else None))
        for member in room.others(leg):
            other = member.leg
            inbound = callee if other is person else None
            other.hear_frame(Frame(tick, at, inbound, caller if other in hear_caller else None))


def _cut(audio: bytes, start: int) -> bytes:
    """One frame; silence after the end."""
    return audio[start : start + FRAME_BYTES].ljust(FRAME_BYTES, SILENCE[:1])
