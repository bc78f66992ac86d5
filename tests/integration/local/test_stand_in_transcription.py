"""Real-time transcription: started, growing partials, finals, stopped."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from starlette.responses import Response
from twilio.base.exceptions import TwilioRestException

from callguard.local.twilio import (
    AudioConversation,
    Connected,
    Outcome,
    Recognised,
    Track,
    TrackRecogniser,
    Transcribed,
    TranscriptionHabit,
    TurnStarted,
    Word,
)
from tests.integration.local.stand_in_bench import PERSON, Bench, Hook, bench, dialogue, plan

LINE = "one two three four five six seven eight nine ten eleven twelve"


def events(b: Bench, **params: str) -> list[str]:
    return [hook.params["TranscriptionEvent"] for hook in b.receiver.of("/transcription", **params)]


async def test_a_session_says_what_it_is_and_counts_its_events_over_both_tracks() -> None:
    async with bench() as b:
        b.answers(
            b.start(
                'name="callguard" languageCode="en-GB" partialResults="true" profanityFilter="false"'
                ' hints="gift card,bail" inboundTrackLabel="caller" outboundTrackLabel="callee"'
            ),
            b.conference(),
        )
        record = await b.stand_in.place_call(plan(LINE, LINE))
        hooks = b.receiver.of("/transcription")
        started = hooks[0].params
        assert started["TranscriptionEvent"] == "transcription-started"
        assert (started["TranscriptionEngine"], started["Name"]) == ("google", "callguard")
        assert (started["Track"], started["PartialResults"]) == ("both_tracks", "true")
        assert (started["InboundTrackLabel"], started["OutboundTrackLabel"]) == ("caller", "callee")
        assert json.loads(started["ProviderConfiguration"]) == {
            "profanityFilter": "false",
            "speechModel": "telephony",
            "enableAutomaticPunctuation": "true",
            "hints": "gift card,bail",
        }
        assert [hook.params["SequenceId"] for hook in hooks] == [str(n + 1) for n in range(len(hooks))]
        assert {hook.params["CallSid"] for hook in hooks} == {record.call_sid}
        assert len({hook.params["TranscriptionSid"] for hook in hooks}) == 1
        assert {hook.params["LanguageCode"] for hook in hooks[:-1]} == {"en-GB"}
        assert all(hook.params["Timestamp"].endswith("Z") for hook in hooks)
        assert hooks[-1].params["TranscriptionEvent"] == "transcription-stopped"


@pytest.mark.parametrize(("speed", "partials"), [(math.inf, 2), (200.0, 2)])
async def test_partials_grow_into_their_final(speed: float, partials: int) -> None:
    async with bench(speed=speed) as b:
        await b.stand_in.place_call(plan(LINE, "yes"))
        told = b.transcripts()
        spoken = [text for track, text, _ in told if track == "inbound_track"]
        assert [is_final for _, _, is_final in told[: partials + 1]] == [False] * partials + [True]
        assert all(
            after.startswith(before) and len(after) > len(before) for before, after in pairwise(spoken)
        )
        assert spoken[-1] == LINE
        for hook in b.receiver.of("/transcription", Final="false"):
            assert "confidence" not in json.loads(hook.params["TranscriptionData"])
            assert "Stability" not in hook.params
        for hook in b.receiver.of("/transcription", Final="true"):
            assert 0 < json.loads(hook.params["TranscriptionData"])["confidence"] <= 1


async def test_partials_come_only_when_asked_for_and_tracks_only_when_chosen() -> None:
    async with bench() as b:
        b.answers(b.start('track="outbound_track"'), b.conference())
        await b.stand_in.place_call(plan(LINE, "who is there"))
        assert b.transcripts() == [("outbound_track", "who is there", True)]


async def test_deepgram_alone_tells_stability_and_multi_tells_the_language_spoken() -> None:
    async with bench() as b:
        attributes = (
            'partialResults="true" transcriptionEngine="deepgram" speechModel="nova-3" languageCode="multi"'
        )
        b.answers(b.start(attributes), b.conference())
        await b.stand_in.place_call(plan(conversation=dialogue(LINE, language="es")))
        content = b.receiver.of("/transcription", TranscriptionEvent="transcription-content")
        assert {hook.params["LanguageCode"] for hook in content} == {"es"}
        assert all(
            0 <= float(hook.params["Stability"]) <= 1 for hook in content if hook.params["Final"] == "false"
        )


@pytest.mark.parametrize("wrong", ['transcriptionEngine="whisper"', 'speechModel="nova-2"'])
async def test_a_wrong_engine_or_model_is_silence_while_the_call_goes_on(wrong: str) -> None:
    async with bench() as b:
        b.answers(b.start(wrong), b.conference())
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, b.receiver.of("/transcription")) == (Outcome.COMPLETED, [])


async def test_after_each_turn_its_results_have_arrived_and_the_next_has_not_begun() -> None:
    async with bench() as b:
        seen: list[tuple[int, int]] = []

        async def look(call_sid: str, turn: int) -> None:
            finals = [text for _, text, is_final in b.transcripts(CallSid=call_sid) if is_final]
            seen.append((turn, len(finals)))

        record = await b.stand_in.place_call(
            plan(conversation=dialogue("a b c", "d e", "f", after_turn=look))
        )
        assert seen == [(1, 1), (2, 2), (3, 3)]
        assert [turn.turn for turn in record.of(TurnStarted)] == [1, 2, 3]


async def test_a_slow_receiver_delays_results_and_loses_none() -> None:
    async with bench(speed=100) as b:
        released = asyncio.Event()

        async def slow(hook: Hook) -> Response:
            if hook.params["SequenceId"] == "2":
                await released.wait()
            return Response(status_code=204)

        b.receiver.answer("/transcription", slow)
        call = asyncio.create_task(b.stand_in.place_call(plan(*["some words of a turn that is long"] * 5)))
        await b.receiver.wait_for("/conference", StatusCallbackEvent="conference-end")
        assert len(b.receiver.of("/transcription")) == 2
        assert not call.done()
        released.set()
        await call
        numbers = [int(hook.params["SequenceId"]) for hook in b.receiver.of("/transcription")]
        assert numbers == list(range(1, 13))
        assert events(b)[-1] == "transcription-stopped"


async def test_a_receiver_that_fails_loses_that_result_alone() -> None:
    async with bench() as b:

        async def fail(hook: Hook) -> Response:
            return Response(status_code=500 if hook.params["SequenceId"] == "2" else 204)

        b.receiver.answer("/transcription", fail)
        record = await b.stand_in.place_call(plan(LINE, LINE))
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.COMPLETED, (11200,))
        assert len(b.receiver.of("/transcription")) == 8


async def test_what_is_said_to_a_leg_comes_back_as_its_outbound_track() -> None:
    async with bench() as b:
        b.answers(b.start("track='both_tracks'"), "<Say>this call is monitored</Say>", b.conference())
        await b.stand_in.place_call(plan("hello"))
        assert b.transcripts() == [
            ("outbound_track", "this call is monitored", True),
            ("inbound_track", "hello", True),
        ]


async def test_twiml_stops_a_session_by_name() -> None:
    async with bench() as b:
        b.answers(
            b.start('name="first"'), '<Stop><Transcription name="first"/></Stop>', b.start(""), b.conference()
        )
        await b.stand_in.place_call(plan("hello"))
        sids = [hook.params["TranscriptionSid"] for hook in b.receiver.of("/transcription")]
        assert events(b, TranscriptionSid=sids[0]) == ["transcription-started", "transcription-stopped"]
        assert b.transcripts() == [("inbound_track", "hello", True)]


async def test_rest_starts_and_stops_a_session() -> None:
    async with bench() as b:
        b.answers(b.conference())
        states: list[str] = []

        async def act(call_sid: str, turn: int) -> None:
            sessions = b.client.calls(call_sid).transcriptions
            if turn == 1:
                made = await sessions.create_async(
                    name="late", status_callback_url=f"{b.receiver.url}/transcription", partial_results=False
                )
                states.append(made.status)
            elif turn == 2:
                states.append((await sessions("late").update_async(status="stopped")).status)

        await b.stand_in.place_call(plan(conversation=dialogue("one", "two", "three", after_turn=act)))
        assert states == ["in-progress", "stopped"]
        assert b.transcripts() == [("outbound_track", "two", True)]
        assert events(b) == ["transcription-started", "transcription-content", "transcription-stopped"]


async def test_rest_refuses_a_session_on_a_call_that_has_ended() -> None:
    async with bench() as b:
        b.answers("<Hangup/>")
        record = await b.stand_in.place_call(plan())
        with pytest.raises(TwilioRestException) as refused:
            await b.client.calls(record.call_sid).transcriptions.create_async(name="late")
        assert (refused.value.status, refused.value.code) == (400, 21220)


class EchoRecogniser:
    """Recognises each second of audio as a word that names its first byte; the rest when it is closed."""

    def __init__(self, on_result: Callable[[Recognised], Awaitable[None]]) -> None:
        self._on_result = on_result
        self._audio = b""
        self._told = 0
        self._tasks: list[asyncio.Task[None]] = []

    def feed(self, mulaw: bytes) -> None:
        self._audio += mulaw
        if len(self._audio) - self._told >= 8000:
            self._tasks.append(asyncio.create_task(self._tell(self._told, 8000)))
            self._told += 8000

    async def _tell(self, start: int, count: int) -> None:
        text = f"b{self._audio[start]}"
        start_ms, end_ms = start // 8, (start + count) // 8
        await self._on_result(Recognised(text, False, None, 0.5, start_ms, end_ms))
        word = Word(text, start_ms, end_ms)
        await self._on_result(Recognised(text, True, 0.9, None, start_ms, end_ms, (word,)))

    async def close(self) -> None:
        await asyncio.gather(*self._tasks)
        rest = len(self._audio) - self._told
        if rest:
            await self._tell(self._told, rest)


class EchoFactory:
    """Keeps what it opened."""

    def __init__(self) -> None:
        self.languages: list[str] = []

    def open(self, language: str, on_result: Callable[[Recognised], Awaitable[None]]) -> TrackRecogniser:
        self.languages.append(language)
        return EchoRecogniser(on_result)


@pytest.mark.parametrize("speed", [20.0, math.inf])
async def test_audio_is_recognised_track_by_track_and_words_are_placed_in_time(speed: float) -> None:
    factory = EchoFactory()
    async with bench(speed=speed, recogniser=factory) as b:
        audio = AudioConversation(caller=b"\x01" * 8000 + b"\x02" * 4000, callee=b"\x03" * 8000)
        record = await b.stand_in.place_call(plan(conversation=audio))
        finals = sorted((track, text) for track, text, is_final in b.transcripts() if is_final)
        assert finals == [
            ("inbound_track", "b1"),
            ("inbound_track", "b2"),
            ("outbound_track", "b255"),
            ("outbound_track", "b3"),
        ]
        assert factory.languages == ["en-US", "en-US"]
        assert events(b)[-1] == "transcription-stopped"
        connected = record.of(Connected)[0].at
        spoken = {heard.text: heard.words[0] for heard in record.of(Transcribed) if heard.is_final}
        assert spoken["b1"].start == pytest.approx(connected, abs=0.25)
        if speed == 20.0:
            assert spoken["b2"].start - spoken["b1"].start == pytest.approx(1 / speed, abs=0.005)
            assert spoken["b2"].end - spoken["b2"].start == pytest.approx(0.5 / speed, abs=0.005)


async def test_a_person_who_only_listens_is_not_recognised() -> None:
    factory = EchoFactory()
    async with bench(recogniser=factory) as b:
        record = await b.stand_in.place_call(plan(conversation=AudioConversation(b"\x01" * 8000)))
        assert factory.languages == ["en-US"]
        assert {heard.track for heard in record.of(Transcribed)} == {Track.INBOUND}


async def test_the_persons_leg_hears_it_the_other_way_round() -> None:
    async with bench() as b:
        b.answers(b.conference())

        async def listen(_: str, turn: int) -> None:
            if turn == 1:
                (leg,) = [call for call in await b.client.calls.list_async() if call.to == PERSON]
                await b.client.calls(leg.sid).transcriptions.create_async(
                    status_callback_url=f"{b.receiver.url}/transcription"
                )

        await b.stand_in.place_call(plan(conversation=dialogue("one", "two", "three", after_turn=listen)))
        assert b.transcripts() == [("inbound_track", "two", True), ("outbound_track", "three", True)]


@pytest.mark.parametrize(
    ("habit", "told"),
    [
        (TranscriptionHabit.WITHHELD, []),
        (TranscriptionHabit.FAILS, ["transcription-started", "transcription-error"]),
        (TranscriptionHabit.DEAF, ["transcription-started", "transcription-stopped"]),
    ],
)
async def test_a_transcription_fails_as_the_plan_says_while_the_call_goes_on(
    habit: TranscriptionHabit, told: list[str]
) -> None:
    async with bench() as b:
        record = await b.stand_in.place_call(plan(transcription=habit))
        assert (record.outcome, events(b)) == (Outcome.COMPLETED, told)
        assert record.of(Transcribed) == ()
