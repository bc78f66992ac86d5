"""A caller who speaks another language than the call was answered in is followed."""

import msgspec

from callguard.db.pool import Database
from callguard.domain.facts import TranscriptionChanged, WordsHeard
from callguard.domain.transcript import Speaker
from callguard.intake import records
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import CallPlan, DialogueConversation, SpokenTurn, Transcribed
from tests.integration.eventually import eventually
from tests.integration.local.stand_in_bench import api_document
from tests.integration.population import call_sid, household, open_call, publish, rows, value, words

SPANISH = [
    "buenas tardes señora le llamo de su banco por un problema con la cuenta",
    "para protegerla tiene que comprar una tarjeta de regalo esta misma tarde",
    "no se lo diga a nadie y léame los números por teléfono",
]
STATE = "SELECT language, language_switched_from, language_switches, transcription_state FROM active_calls"


async def answered_in_english(database: Database) -> None:
    home = await household(database)
    await open_call(database, home)
    started = TranscriptionChanged(call_sid=call_sid(1), state="started", transcription_sid=f"GT{1:032x}")
    await records.record(database, started)


async def say(database: Database, *said: WordsHeard) -> None:
    for result in said:
        await records.record(database, result)


async def test_two_sentences_switch_the_call_and_ask_for_the_words_anew(
    database: Database, cluster: Cluster
) -> None:
    await answered_in_english(database)
    await say(database, words(1, 2, SPANISH[0]))
    assert [tuple(row) for row in await rows(cluster, STATE)] == [("en", None, 0, "started")]

    await say(database, words(1, 3, SPANISH[1]))

    assert [tuple(row) for row in await rows(cluster, STATE)] == [("es", "en", 1, "waiting")]
    (work,) = await rows(cluster, "SELECT payload FROM work WHERE kind = 'restart_transcription'")
    assert f"GT{1:032x}" in work["payload"]
    languages = await rows(cluster, "SELECT language FROM transcription_events ORDER BY sequence_number")
    assert [row["language"] for row in languages] == ["en", "es"]


async def test_a_keyword_that_was_heard_under_the_old_language_still_wakes(
    database: Database, cluster: Cluster
) -> None:
    await answered_in_english(database)
    (tenant,) = await rows(cluster, "SELECT id FROM tenants")
    async with database.tenant(tenant["id"]) as session:
        await publish(session, tenant["id"], ["tarjeta de regalo"], "es")
    await say(database, words(1, 2, SPANISH[1]))
    assert await value(cluster, "SELECT keyword_at FROM active_calls") is None

    await say(database, words(1, 3, SPANISH[0]))

    assert await value(cluster, "SELECT keywords FROM active_calls") == ["tarjeta de regalo"]


async def test_what_says_too_little_or_comes_from_the_callee_changes_nothing(
    database: Database, cluster: Cluster
) -> None:
    await answered_in_english(database)
    await say(
        database,
        words(1, 2, "señora martínez"),
        words(1, 3, "buenas tardes"),
        words(1, 4, SPANISH[0], caller=False),
        words(1, 5, SPANISH[1], caller=False),
        words(1, 6, SPANISH[0], final=False),
        words(1, 7, SPANISH[1], final=False),
        words(1, 8, "good afternoon is this the lady of the house i call about your account"),
        words(1, 9, "it is about the payment of last week could you look for the letter"),
    )

    assert [tuple(row) for row in await rows(cluster, STATE)] == [("en", None, 0, "started")]


async def test_a_final_told_twice_is_one_sentence(database: Database, cluster: Cluster) -> None:
    await answered_in_english(database)
    await say(database, words(1, 2, SPANISH[0]), words(1, 2, SPANISH[0]))

    assert await value(cluster, "SELECT language FROM active_calls") == "en"


async def test_the_recognisers_own_word_goes_before_the_detectors(
    database: Database, cluster: Cluster
) -> None:
    await answered_in_english(database)
    ours = [msgspec.structs.replace(words(1, n, "no no si si bueno claro"), language="pt") for n in (2, 3)]
    await say(database, *ours)

    assert await value(cluster, "SELECT language FROM active_calls") == "pt"


async def test_late_words_of_the_session_before_switch_nothing_back(
    database: Database, cluster: Cluster
) -> None:
    await answered_in_english(database)
    english = "this is the department of your bank and i am calling about the account"
    late = [msgspec.structs.replace(words(1, n, english), language="en") for n in (4, 5, 6)]
    await say(database, words(1, 2, SPANISH[0]), words(1, 3, SPANISH[1]), *late)

    assert await value(cluster, "SELECT language FROM active_calls") == "es"


async def test_a_call_switches_twice_at_the_most(database: Database, cluster: Cluster) -> None:
    await answered_in_english(database)
    english = "this is the department of your bank and i am calling about the account"
    numbers = iter(range(2, 20))
    for text in (SPANISH[0], SPANISH[1], english, english, SPANISH[0], SPANISH[1]):
        await say(database, words(1, next(numbers), text, session="GTnew" if text == english else None))

    assert await value(cluster, "SELECT language_switches FROM active_calls") == 2
    assert await value(cluster, "SELECT language FROM active_calls") == "en"


async def test_twilio_is_asked_for_words_in_the_new_language(stage: Stage, cluster: Cluster) -> None:
    """The old session is ended first, so that nothing is told twice."""

    async def after_turn(_call_sid: str, turn: int) -> None:
        if turn == 2:
            runs = "SELECT language = 'es' AND transcription_state = 'started' FROM active_calls"
            await eventually(lambda: value(cluster, runs), bool)

    conversation = DialogueConversation([SpokenTurn(Speaker.CALLER, text) for text in SPANISH], after_turn)
    record = await stage.stand_in.place_call(
        CallPlan(from_number="+12025550199", to_number=DEMO_FAMILY.twilio_number, conversation=conversation)
    )

    asked = [r for r in stage.stand_in.requests if "/Transcriptions" in r.path]
    assert [dict(r.params).get("Status", dict(r.params).get("LanguageCode")) for r in asked] == [
        ("stopped",),
        ("es-US",),
    ]
    for request in asked:
        api_document().check_request(request.method, request.path, request.params)
    assert [heard.text for heard in record.of(Transcribed) if heard.is_final] == SPANISH
    assert await value(cluster, "SELECT count(*) FROM notices") == 0
