"""The small parts: handsets, faults, call time, background tasks, the account's numbers."""

import asyncio
import math
from time import monotonic

import pytest

from callguard.errors import AudioError, ProtocolError
from callguard.local.twilio import AudioConversation
from callguard.local.twilio.account import Account, Numbers, PhoneNumber
from callguard.local.twilio.clock import Clock, Pacer
from callguard.local.twilio.faults import Faults, Mishap
from callguard.local.twilio.handset import Handset, OnCall, OnSms, PhoneBook, SmsStatus
from callguard.local.twilio.tasks import Tasks

NUMBER = "+12025550110"


def test_a_stranger_takes_messages_and_never_answers() -> None:
    book = PhoneBook([Handset(NUMBER)])
    stranger = book["+12025550199"]
    assert (stranger.number, stranger.on_call, stranger.on_sms) == (
        "+12025550199",
        OnCall.NO_ANSWER,
        OnSms.delivered(),
    )
    book.put(Handset(NUMBER, OnCall.BUSY))
    assert [handset.on_call for handset in book] == [OnCall.BUSY]


def test_replies_are_found_in_the_message_or_thought_up() -> None:
    assert (
        Handset(NUMBER, replies={"Hangup": "HANGUP", "": "who is this"}).reply_to("reply HANGUP") == "HANGUP"
    )
    assert Handset(NUMBER, replies={"Hangup": "HANGUP", "": "who is this"}).reply_to("hi") == "who is this"
    assert Handset(NUMBER).reply_to("hi") is None
    assert Handset(NUMBER, replies=str.upper).reply_to("hi") == "HI"


def test_message_outcomes_carry_their_codes() -> None:
    assert OnSms.undelivered() == OnSms(SmsStatus.UNDELIVERED, 30003)
    assert OnSms.failed(30007) == OnSms(SmsStatus.FAILED, 30007)


def test_faults_befall_matching_requests_as_often_as_arranged() -> None:
    faults = Faults()
    faults.refuse("POST", "/Messages", status=500, code=20500, times=2)
    faults.hang("GET", "/Calls")
    assert faults.take("GET", "/Messages.json") is None
    taken = [faults.take("POST", "/Messages.json") for _ in range(3)]
    assert [(fault.status, fault.code) if fault else None for fault in taken] == [
        (500, 20500),
        (500, 20500),
        None,
    ]
    hanging = faults.take("GET", "/Calls.json")
    assert hanging is not None
    assert hanging.mishap is Mishap.HANGS


def test_the_speed_shortens_call_time_but_not_the_products_work() -> None:
    assert (Clock(4).real(10), Clock(math.inf).real(10)) == (2.5, 0)
    assert (Clock(100).patience(20), Clock(1).patience(20), Clock(math.inf).patience(0.5)) == (5, 20, 0.5)
    assert 10 <= Clock(10).elapsed(monotonic() - 1) < 100
    for speed in (0, -1, math.nan):
        with pytest.raises(ProtocolError):
            Clock(speed)


async def test_ticks_keep_to_the_schedule_of_the_first() -> None:
    pacer = Pacer(Clock(20), 0.02)
    began = monotonic()
    due = [await pacer.next() for _ in range(50)]
    assert due[-1] - due[0] == pytest.approx(49 * 0.001)
    assert monotonic() - began >= 49 * 0.001
    assert pacer.tick == 50


async def test_tasks_are_waited_for_with_those_they_start_and_their_failures_raised() -> None:
    told: list[str] = []
    tasks = Tasks(lambda: told.append("failed"))

    async def second() -> None:
        told.append("second")
        raise ProtocolError("broken")

    async def first() -> None:
        await asyncio.sleep(0)
        tasks.spawn(second())

    tasks.spawn(first())
    with pytest.raises(ExceptionGroup) as failed:
        await tasks.settled()
    assert failed.group_contains(ProtocolError)
    assert told == ["second", "failed"]
    await tasks.settled()
    assert not tasks.is_busy


async def test_cancelled_tasks_have_stopped() -> None:
    tasks = Tasks()
    waiting = tasks.spawn(_forever())
    await tasks.cancel()
    assert waiting.cancelled()
    await tasks.settled()


async def _forever() -> None:
    await asyncio.Event().wait()


def test_a_number_is_listed_once() -> None:
    numbers = Numbers([PhoneNumber(NUMBER, voice_url="https://guard.test/old")])
    new = PhoneNumber(NUMBER, voice_url="https://guard.test/new")
    numbers.put(new)
    assert list(numbers) == [new]
    assert (numbers.find(NUMBER), numbers.by_sid(new.sid)) == (new, new)
    numbers.remove(new.sid)
    assert numbers.find(NUMBER) is None


def test_the_secret_shows_in_no_text() -> None:
    assert "hidden" not in repr(Account("AC" + "a" * 32, "hidden"))


def test_a_conversation_needs_audio() -> None:
    with pytest.raises(AudioError):
        AudioConversation(b"")
