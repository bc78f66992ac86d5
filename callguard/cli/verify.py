"""`callguard verify`: is this the voice that was enrolled?"""

from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import msgspec
import typer

from callguard.cli.database import opened_database
from callguard.cli.running import run
from callguard.cli.voiceprints import meant, opened_book, recording
from callguard.config import load_settings
from callguard.voice.speaker.speech import Samples
from callguard.voice.speaker.verification import Verdict, Verification
from callguard.voice.speaker.words import FOUND

REFUSED, UNDECIDED = 1, 3
_STATUS: Final = {Verdict.VERIFIED: 0, Verdict.REFUSED: REFUSED, Verdict.UNDECIDED: UNDECIDED}


def verify(
    audio: Annotated[Path, typer.Argument(help="A recording of one voice.")],
    person: Annotated[
        str,
        typer.Option(
            "--person", "--enrollment", help="Whose voice it should be: a name, an e-mail address or an id."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Compare a recording with an enrolled voice.

    Exit status: 0 verified, 1 refused (another voice, synthetic, replayed), 3 undecided (too little speech
    too), 2 for an error.
    """
    enrolment_id, found = run(_verified(recording(audio), person))
    if as_json:
        print(msgspec.json.encode(_said(found, enrolment_id)).decode())
    else:
        print(_line(found))
    raise typer.Exit(_STATUS[found.verdict])


def _line(found: Verification) -> str:
    measured = [f"{found.speech_s:.1f} s of speech"]
    if found.confidence is not None:
        measured += [f"similarity {found.similarity:.2f}", f"confidence {found.confidence:.2f}"]
    live = "not looked at" if found.deepfake is None else f"{found.deepfake:.2f}"
    measured.append(f"synthesis {live}")
    return f"{found.verdict}: {FOUND[found.reason]} ({', '.join(measured)}) [{found.reason}]"


def _said(found: Verification, enrolment_id: UUID) -> dict[str, object]:
    """As the voice API tells it; what isn't known is null."""
    told: dict[str, object] = {
        "verified": found.verified,
        "enrollment_id": str(enrolment_id),
        "verdict": found.verdict,
        "reason": found.reason,
        "message": FOUND[found.reason],
        "confidence": found.confidence,
        "similarity_score": found.similarity,
        "liveness_score": None if found.deepfake is None else 1 - found.deepfake,
        "speech_seconds": round(found.speech_s, 2),
    }
    if not found.verified:
        told["recommended_action"] = "deny" if found.verdict is Verdict.REFUSED else "defer_to_review"
    return told


async def _verified(samples: Samples, said: str) -> tuple[UUID, Verification]:
    settings = load_settings()
    voiceprints = opened_book(settings)
    async with opened_database(settings) as database:
        tenant_id, enrolment_id = await meant(database, said)
        async with database.tenant(tenant_id) as session:
            return enrolment_id, await voiceprints.verify(session, tenant_id, enrolment_id, samples)
