"""A call that goes on in another language than it began in: noticed by the caller's words, followed by
everybody who hears them.
"""

from dataclasses import dataclass
from typing import Any

import structlog

from callguard.analysis.language import LANGUAGES, profiles, words
from callguard.db.pool import Row, Session
from callguard.domain.facts import WordsHeard
from callguard.domain.languages import MOST_SWITCHES, Spoken, switched, told
from callguard.intake.asking import ask_to_transcribe_anew

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """The language in which a result counts, and the caller's `earlier` words, which count anew in it."""

    language: str
    earlier: str = ""


async def follow(session: Session, call: Row, fact: WordsHeard) -> Heard:
    """In which language these words count. Where the caller's finals show that the caller has changed it,
    the call does too: for keywords, scorer and judge, and Twilio is asked for words in it.

    The recogniser's own word for a result's language goes before the call's and the detector's.
    """
    ours = fact.language if fact.language in LANGUAGES else None
    if fact.track != "inbound_track" or not fact.is_final:
        return Heard(ours or call["language"])
    tenant_id, call_id = call["tenant_id"], call["call_id"]
    row = await session.row("languages.heard", call_id, fact.transcription_sid, fact.sequence)
    assert row is not None, "the call was resolved"
    current, said = row["language"], row["said"]
    heard = Heard(ours or current)
    if not row["follows"] or current not in LANGUAGES or row["language_switches"] >= MOST_SWITCHES:
        return heard
    finals = [*said, {"text": fact.text, "language": heard.language}]
    new = switched(current, [_spoken(each, current) for each in finals])
    if new is None:
        return heard
    running = await session.value("languages.switch", call_id, current, new)
    if running is not None:
        await ask_to_transcribe_anew(session, tenant_id, call_id, running)
    log.info("language_switched", call=str(call_id), before=current, now=new)
    return Heard(new, " ".join(each["text"] for each in said))


def _spoken(said: dict[str, Any], current: str) -> Spoken:
    count = len(list(words(said["text"])))
    if said["language"] != current:
        return told(said["language"], count, LANGUAGES)
    return Spoken(count, profiles().odds(said["text"]))
