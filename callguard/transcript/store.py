"""Recognition results in Postgres, where the keyword trigger meets them."""

from collections.abc import Iterable
from uuid import UUID

from callguard.db.pool import Session
from callguard.domain.facts import WordsHeard
from callguard.domain.transcript import Result, Speaker, Utterance, assemble
from callguard.domain.words import head, normalise, tail

# A result that Twilio sends again arrives within its 15 s for one webhook.
UNDER_WAY_SECONDS = 15.0
SPEAKER_OF_TRACK = {"inbound_track": Speaker.CALLER, "outbound_track": Speaker.CALLEE}


async def add(
    session: Session, tenant_id: UUID, call_id: UUID, language: str, words: WordsHeard, *, earlier: str = ""
) -> bool:
    """Stores a result once; False when it was known. The session's transaction must be the only one of its
    transcription now, so that a repeated result finds the first and neighbours see each other's words.

    The trigger sees the result together with the words beside it on its track, so that a phrase which the
    recogniser cut in two is still heard, whichever half comes first. `earlier`: words that it sees once more,
    since they were heard under another language.
    """
    speaker = SPEAKER_OF_TRACK[words.track]
    around = await session.row(
        "transcripts.neighbours", tenant_id, words.transcription_sid, words.sequence, speaker, call_id
    )
    if around is None or around["known"]:
        return False
    before, after = tail(normalise(around["before"] or "")), head(normalise(around["after"] or ""))
    added = await session.run(
        "transcripts.add",
        tenant_id,
        call_id,
        words.transcription_sid,
        words.sequence,
        speaker,
        words.text,
        " ".join(part for part in (normalise(earlier), before, normalise(words.text), after) if part),
        words.is_final,
        words.confidence,
        words.stability,
        language,
        words.spoken_at,
    )
    return added == 1


async def of_calls(
    session: Session, tenant_id: UUID, call_ids: Iterable[UUID]
) -> dict[UUID, tuple[Utterance, ...]]:
    """The transcript of each call as it stands; a call without words is left out."""
    results: dict[UUID, list[Result]] = {}
    for row in await session.rows("transcripts.of_calls", tenant_id, list(call_ids)):
        results.setdefault(row["call_id"], []).append(
            Result(
                session=row["transcription_sid"],
                sequence=row["sequence_number"],
                speaker=Speaker(row["speaker"]),
                text=row["text"],
                is_final=row["is_final"],
                session_start=row["session_start"].timestamp(),
                spoken_at=row["spoken_at"],
            )
        )
    return {call_id: assemble(found) for call_id, found in results.items()}


async def missing(session: Session, tenant_id: UUID, call_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many results of each call never came, by the gaps in Twilio's numbers; whole calls are left out."""
    found = await session.rows("transcripts.missing", tenant_id, list(call_ids), UNDER_WAY_SECONDS)
    return {row["call_id"]: row["missing"] for row in found}
