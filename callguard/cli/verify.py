"""`callguard verify`: is this the voice that was enrolled?"""

from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import msgspec
import typer

from callguard.cli.database import opened_database
from callguard.cli.running import run
from callguard.cli.voiceprints import opened_book, recording, tenant_of
from callguard.config import load_settings
from callguard.voice.speaker.verification import Reason, Verdict, Verification
from callguard.voiceprints.book import Samples

REFUSED, UNDECIDED = 1, 3
_STATUS: Final = {Verdict.VERIFIED: 0, Verdict.REFUSED: REFUSED, Verdict.UNDECIDED: UNDECIDED}

_SAYS: Final = {
    Reason.SAME_VOICE: "the enrolled voice",
    Reason.OTHER_VOICE: "another voice than the enrolled one",
    Reason.NOT_SURE: "it can't be told whether this is the enrolled voice",
    Reason.SYNTHETIC: "the voice sounds synthetic",
    Reason.REPLAYED: "a recording that was enrolled is played again",
    Reason.TOO_LITTLE_SPEECH: "too little speech to tell",
    Reason.NOT_SPEECH: "a tone or a hum, no speech",
    Reason.NOT_COMPLETE: "too few recordings are enrolled to compare with",
}


def verify(
    audio: Annotated[Path, typer.Argument(help="A recording of one voice.")],
    enrollment: Annotated[UUID, typer.Option(help="The enrolment's id, as `callguard enroll` printed it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Compare a recording with an enrolled voice.

    Exit status: 0 verified, 1 refused (another voice, synthetic, replayed), 3 undecided (too little speech
    too), 2 for an error.
    """
    found = run(_verified(recording(audio), enrollment))
    if as_json:
        print(msgspec.json.encode(_said(found, enrollment)).decode())
    else:
        sure = (
            ""
            if found.confidence is None
            else f" (similarity {found.similarity:.2f}, confidence {found.confidence:.2f})"
        )
        print(f"{found.verdict}: {_SAYS[found.reason]}{sure}")
    raise typer.Exit(_STATUS[found.verdict])


def _said(found: Verification, enrolment_id: UUID) -> dict[str, object]:
    """As the voice API tells it; what isn't known is null."""
    told: dict[str, object] = {
        "verified": found.verified,
        "enrollment_id": str(enrolment_id),
        "verdict": found.verdict,
        "reason": found.reason,
        "confidence": found.confidence,
        "similarity_score": found.similarity,
        "liveness_score": None if found.deepfake is None else 1 - found.deepfake,
        "speech_seconds": round(found.speech_s, 2),
    }
    if not found.verified:
        told["recommended_action"] = "deny" if found.verdict is Verdict.REFUSED else "defer_to_review"
    return told


async def _verified(samples: Samples, enrolment_id: UUID) -> Verification:
    settings = load_settings()
    voiceprints = opened_book(settings)
    async with opened_database(settings) as database:
        tenant_id = await tenant_of(database, enrolment_id)
        async with database.tenant(tenant_id) as session:
            return await voiceprints.verify(session, tenant_id, enrolment_id, samples)
