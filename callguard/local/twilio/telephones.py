"""Telephones that are rung, and what the people and machines at them do."""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from callguard.local.twilio.account import Numbers
from callguard.local.twilio.handset import Handset, OnCall, PhoneBook
from callguard.local.twilio.leg import Direction, HungUp, Leg
from callguard.local.twilio.plan import EndedBy
from callguard.local.twilio.speech import SECONDS_A_WORD, growing, heard

MOST_DIVERSIONS = 5
# Twilio lets a telephone ring a little longer than it was asked to.
TIMEOUT_BUFFER_SECONDS = 5
# How long a person stays in a conference when the caller has gone, and when no caller came at all.
ALONE_SECONDS = 1.0
NOBODY_SECONDS = 30.0
VOICEMAIL_SECONDS = 30.0
# How long a phone that screens its calls listens for who is calling.
SCREENING_SECONDS = 20.0


class Telephones:
    """The far end of outbound legs. `call_in` takes a leg that a line sends back to the account."""

    def __init__(
        self, phone_book: PhoneBook, numbers: Numbers, call_in: Callable[[Leg], Coroutine[Any, Any, None]]
    ) -> None:
        self._phone_book = phone_book
        self._numbers = numbers
        self._call_in = call_in

    async def ring(self, leg: Leg, timeout: int) -> bool:
        """Ring an outbound leg's telephone; True once it is answered, False when the leg has ended."""
        handset = self._phone_book[leg.to_number]
        try:
            leg.progress("queued", "initiated")
            status = await self._reach(leg, handset, timeout + TIMEOUT_BUFFER_SECONDS)
        except HungUp:
            return False
        if status:
            leg.hang_up(EndedBy.CARRIER, status)
            return False
        leg.has_person = handset.on_call is OnCall.ANSWERS
        leg.keys = handset.keys if leg.has_person else ""
        leg.answer()
        if handset.on_call is OnCall.VOICEMAIL:
            leg.tree.tasks.spawn(self._voicemail(leg, handset))
        elif handset.on_call is OnCall.SCREENS:
            leg.tree.tasks.spawn(self._screen(leg, handset))
        elif leg.has_person:
            leg.tree.tasks.spawn(self._person(leg))
        return True

    async def _reach(self, leg: Leg, handset: Handset, limit: float) -> str:
        """The final status of a telephone that isn't answered, or nothing when it is."""
        if handset.on_call is OnCall.BUSY:
            await leg.rest(min(handset.ring_seconds, limit))
            return "busy"
        leg.progress("ringing", "ringing")
        match handset.on_call:
            case _ if self._numbers.find(leg.to_number) is not None:
                return await self._come_in(leg, leg.to_number, None, limit)
            case OnCall.FORWARDS_BACK:
                return await self._send_back(leg, handset, limit)
            case OnCall.ANSWERS | OnCall.VOICEMAIL | OnCall.SCREENS if handset.ring_seconds <= limit:
                await leg.rest(handset.ring_seconds)
                return ""
            case _:
                await leg.rest(limit)
                return "no-answer"

    async def _send_back(self, leg: Leg, handset: Handset, limit: float) -> str:
        """The line forwards every call to a number of the account: the same caller comes in again."""
        diversions = sum(each.forwarded_from == handset.number for each in leg.tree.legs)
        if handset.forwards_to is None or diversions >= MOST_DIVERSIONS:
            return "busy"
        return await self._come_in(leg, handset.forwards_to, handset.number, limit)

    async def _come_in(self, leg: Leg, number: str, forwarded_from: str | None, limit: float) -> str:
        """The leg arrives at a number of the account, and shares the fate of the inbound one."""
        back = Leg(
            leg.network,
            leg.tree,
            direction=Direction.INBOUND,
            from_number=leg.from_number,
            to_number=number,
            forwarded_from=forwarded_from,
        )
        back.watcher = leg
        leg.tree.tasks.spawn(self._call_in(back))
        try:
            async with asyncio.timeout(leg.network.clock.patience(limit)):
                while back.answered_at is None and not back.ended.is_set():
                    await leg.wait()
        except (TimeoutError, HungUp) as end:
            back.hang_up(EndedBy.CALLER, "no-answer")
            if isinstance(end, HungUp):
                raise
        if back.ended.is_set():
            return "busy" if back.status == "busy" else "no-answer"
        leg.peer, back.peer = back, leg
        return ""

    async def _person(self, leg: Leg) -> None:
        """A person stays while the caller is on the line, or a document speaks to them, then hangs up."""
        clock = leg.network.clock
        has_met = False
        while not leg.ended.is_set():
            leg.stirred.clear()
            has_met = has_met or leg.has_company
            is_alone = leg.room is not None and not leg.has_company
            patience = clock.patience(ALONE_SECONDS if has_met else NOBODY_SECONDS)
            try:
                async with asyncio.timeout(patience if is_alone else None):
                    await leg.stirred.wait()
            except TimeoutError:
                leg.hang_up(EndedBy.CALLEE)

    async def _voicemail(self, leg: Leg, handset: Handset) -> None:
        """A machine greets, listens for a while, and hangs up."""
        clock = leg.network.clock
        try:
            await _say(leg, handset.voicemail_greeting)
            async with asyncio.timeout(clock.patience(VOICEMAIL_SECONDS)):
                await leg.ended.wait()
        except HungUp:
            return
        except TimeoutError:
            leg.hang_up(EndedBy.CALLEE)

    async def _screen(self, leg: Leg, handset: Handset) -> None:
        """A robot asks who is calling, and fetches the person once somebody has told it."""
        try:
            await _say(leg, handset.screening_words)
            leg.is_addressed = False
            async with asyncio.timeout(leg.network.clock.patience(SCREENING_SECONDS)):
                while not leg.is_addressed and not leg.ended.is_set():
                    leg.stirred.clear()
                    await leg.stirred.wait()
        except HungUp:
            return
        except TimeoutError:
            leg.hang_up(EndedBy.CALLEE)
            return
        if not handset.takes_screened_calls:
            leg.hang_up(EndedBy.CALLEE)
            return
        leg.has_person = True
        if leg.room:
            leg.room.stir()
        await self._person(leg)


async def _say(leg: Leg, text: str) -> None:
    """Words from the far end of a leg; raises HungUp."""
    clock = leg.network.clock
    began = monotonic()
    for step in growing(text, instant=clock.instant):
        await leg.pause(step.seconds)
        leg.speak(heard(step, began, clock.real(SECONDS_A_WORD)))
