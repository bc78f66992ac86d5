"""The page's words exist in each language for everything that can be stored."""

import pytest

from callguard.domain.fraud_words import fraud_in
from callguard.domain.replies import Action
from callguard.domain.scoring import Verdict
from callguard.domain.signal_words import sound_of
from callguard.domain.signals import (
    AttestationLevel,
    Claim,
    FraudType,
    PersonsAnswer,
    SignalName,
    SignalState,
    Tactic,
    VoiceMatch,
)
from callguard.evidence.page import SEEN
from callguard.evidence.wording import GONE, LANGUAGES, page_in


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_a_word_for_everything(language: str) -> None:
    page = page_in(language)

    assert set(page.verdicts) == {*Verdict, "SCAM_OVER"}
    assert set(page.tactics) == set(Tactic)
    assert set(page.signals) == set(SignalName)
    assert set(page.explained) == set(SignalName) - {
        SignalName.ATTESTATION,
        SignalName.CALLER_HISTORY,
        SignalName.CLAIMED_IDENTITY,
        SignalName.KNOWN_VOICE,
    }
    answers = set(PersonsAnswer) - {PersonsAnswer.SAFE}
    sounds = {sound_of(score) for score in (0.0, 0.5, 1.0)}
    assert set(page.findings) == {*Claim, *VoiceMatch, *answers, *sounds}
    assert set(page.absent) <= set(SignalState)
    assert "{seconds}" in page.from_speech
    assert set(page.languages) == set(LANGUAGES)
    assert set(page.attested) == set(AttestationLevel)
    assert set(page.buttons) == {Action.HANG_UP, Action.CALL, Action.SAFE, Action.SCAM, SEEN}
    assert set(page.actions) >= {*set(Action) - {Action.STOP, Action.START, Action.HELP, Action.YES}, SEEN}
    assert len(page.to_do) == len(page_in("en").to_do)
    assert len({fraud_in(language, kind) for kind in FraudType}) == len(FraudType)
    assert language in GONE


def test_no_two_languages_say_the_same() -> None:
    for field in page_in("en").__struct_fields__:
        if field not in {"minutes", "seconds", "points"}:
            said = [str(getattr(page_in(language), field)) for language in LANGUAGES]
            assert len(set(said)) >= len(LANGUAGES) - 1, field


def test_an_unknown_language_reads_english() -> None:
    assert page_in("tlh") == page_in("en")
