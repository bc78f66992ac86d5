import re
import unicodedata
from uuid import UUID, uuid4

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.replies import KEYS, PHRASES, Action, OpenAlert, Reply, code_of, meant, parse
from callguard.domain.reply_texts import Told, acknowledgement, words_of
from callguard.domain.sms import fits_gsm_7
from callguard.domain.words import normalise
from callguard.intake.twiml import LANGUAGE_CODES

SAYINGS = [(phrase, action) for action, phrases in PHRASES.items() for phrase in phrases]
HOW_PEOPLE_WRITE = {
    Action.HANG_UP: ["HANGUP", "Hang up!", "hang-up", "¡Cuelga!", "Raccroche.", "Auflegen!!", "Desliga"],
    Action.SAFE: ["SAFE", "it's fine", "¡Todo bien!", "Sûr", "Alles gut :)", "Tudo bem…", "S A F E"],
    Action.SCAM: ["SCAM", "It was a scam!", "¡Estafa!", "Arnaque", "Betrug!!", "golpe", "F R A U D"],
    Action.CALL: ["call me", "Llámame", "Appelle-moi !", "Ruf mich an", "Liga-me"],
    Action.JOIN: ["Join", "ENTRAR", "rejoindre", "Beitreten", "participar"],
    Action.HOLD: ["hold", "Espera", "En attente", "Halten", "aguardar"],
    Action.STOP: ["STOP", "Stop.", "END", "unsubscribe", "Arrêt", "Sair"],
    Action.START: ["START", "unstop", "Começar"],
    Action.HELP: ["HELP", "?help?", "Ayuda", "Hilfe"],
}
# What must never be taken for a word it holds.
NOT_SAID = [
    "don't hang up",
    "do not hang up on her",
    "call the police",
    "is it safe?!? tell me",
    "please stop calling my mother",
    "no colgar",
    "nicht auflegen",
    "",
    "👍",
    "thanks",
]
codes = st.text("0123456789ABCDEF", min_size=6, max_size=6)
# Separators that a thumb leaves: none of them joins or makes a letter.
rubbish = st.text(" .,!?¡¿:;()\n-–*", max_size=4)
sayings = st.sampled_from(SAYINGS)


def scrawled(phrase: str, flips: list[bool], accents: list[str]) -> str:
    """The same words in mixed case, with marks that nobody asked for."""
    cased = "".join(c.upper() if flip else c for c, flip in zip(phrase, flips, strict=True))
    return unicodedata.normalize("NFC", "".join(c + a for c, a in zip(cased, accents, strict=True)))


class TestParse:
    @pytest.mark.parametrize(
        ("text", "action"), [(text, action) for action, texts in HOW_PEOPLE_WRITE.items() for text in texts]
    )
    def test_it_reads_what_people_write(self, text: str, action: Action) -> None:
        assert parse(text) == Reply(action, None)

    @pytest.mark.parametrize("text", NOT_SAID)
    def test_other_words_are_not_an_answer(self, text: str) -> None:
        assert parse(text).action is None

    def test_each_phrase_means_one_thing_and_stands_as_words_are_compared(self) -> None:
        phrases = [phrase for phrase, _ in SAYINGS]
        assert len(set(phrases)) == len(phrases)
        assert [phrase for phrase in phrases if normalise(phrase) != phrase] == []

    @given(sayings, st.data())
    def test_case_accents_and_punctuation_do_not_matter(
        self, saying: tuple[str, Action], data: st.DataObject
    ) -> None:
        phrase, action = saying
        many = len(phrase)
        flips = data.draw(st.lists(st.booleans(), min_size=many, max_size=many))
        marks = st.sampled_from(["", "\u0301", "\u0300", "\u0302", "\u0308"])
        accents = data.draw(st.lists(marks, min_size=many, max_size=many))
        text = data.draw(rubbish) + scrawled(phrase, flips, accents) + data.draw(rubbish)

        assert parse(text) == Reply(action, None)

    @given(sayings, codes, st.booleans(), st.booleans(), st.sampled_from(["", "code ", "Ref: ", "código "]))
    def test_the_code_stands_before_or_after_in_either_case(
        self, saying: tuple[str, Action], code: str, is_first: bool, is_lower: bool, about: str
    ) -> None:
        phrase, action = saying
        written = about + (code.lower() if is_lower else code)
        text = f"{written} {phrase}" if is_first else f"{phrase}, {written}."

        assert parse(text) == Reply(action, code)

    @given(sayings, st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x17F), min_size=7))
    def test_a_word_more_is_no_answer(self, saying: tuple[str, Action], word: str) -> None:
        phrase, _ = saying
        more = f"{phrase} {word}"
        if normalise(more) not in {known for known, _ in SAYINGS}:
            assert parse(more).action is None

    @given(st.text())
    def test_nothing_breaks_it(self, text: str) -> None:
        reply = parse(text)
        assert reply.code is None or re.fullmatch("[0-9A-F]{6}", reply.code)

    def test_a_code_alone_asks_for_nothing(self) -> None:
        assert parse("a1b2c3") == Reply(None, "A1B2C3")

    def test_keys_are_the_three_that_the_call_names(self) -> None:
        assert KEYS == {"1": Action.HANG_UP, "2": Action.SAFE, "3": Action.JOIN}


ONE_CALL, OTHER_CALL = UUID(int=1), UUID(int=2)
TENANT, ANNA = uuid4(), uuid4()


def alert(call: UUID, number: int, *, live: bool = True) -> OpenAlert:
    return OpenAlert(UUID(int=number << 104), TENANT, ANNA, call, live, "en")


class TestMeant:
    def test_one_call_needs_no_code_and_the_newest_alert_is_answered(self) -> None:
        danger, warning = alert(ONE_CALL, 2), alert(ONE_CALL, 1)
        assert meant(None, [danger, warning], contacts=1) is danger

    def test_two_open_calls_need_the_code(self) -> None:
        one, other = alert(ONE_CALL, 1), alert(OTHER_CALL, 2)
        assert meant(None, [one, other], contacts=1) is None
        assert meant(other.code, [one, other], contacts=1) is other
        assert meant("FFFFFF", [one, other], contacts=1) is None

    def test_a_live_call_comes_before_one_that_has_ended(self) -> None:
        over, live = alert(ONE_CALL, 1, live=False), alert(OTHER_CALL, 2)
        assert meant(None, [over, live], contacts=1) is live
        assert meant(over.code, [over, live], contacts=1) is over

    def test_a_contact_of_several_people_needs_the_code(self) -> None:
        one = alert(ONE_CALL, 1)
        assert meant(None, [one], contacts=2) is None
        assert meant(one.code, [one], contacts=2) is one

    @pytest.mark.promise("A21")
    def test_a_wrong_code_is_not_overlooked(self) -> None:
        assert meant("FFFFFF", [alert(ONE_CALL, 1)], contacts=1) is None

    def test_without_an_alert_nothing_is_meant(self) -> None:
        assert meant(None, [], contacts=1) is None

    @given(st.uuids())
    def test_the_code_of_an_alert_is_what_parse_reads(self, alert_id: UUID) -> None:
        assert parse(f"SAFE {code_of(alert_id)}") == Reply(Action.SAFE, code_of(alert_id))


@pytest.mark.parametrize("language", [*LANGUAGE_CODES, "xx"])
@pytest.mark.parametrize("told", Told)
def test_an_acknowledgement_is_one_segment_in_the_persons_language(told: Told, language: str) -> None:
    text = acknowledgement(told, language)

    assert fits_gsm_7(text)
    assert len(smsutil.split(text).parts) == 1
    assert (text == acknowledgement(told, "en")) is (language in {"en", "xx"})
    assert normalise(words_of(told, language)) == normalise(text)


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_the_words_that_help_names_are_understood(language: str) -> None:
    named = re.findall(r"\b[A-ZÀ-Ú]{3,}\b", acknowledgement(Told.HELP, language))

    assert [parse(word).action for word in named] == [
        Action.HANG_UP,
        Action.SAFE,
        Action.SCAM,
        Action.CALL,
        Action.JOIN,
        Action.HOLD,
    ]
