"""`callguard enroll`: somebody's voice, so that a caller who claims to be them can be compared."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from callguard.cli.database import opened_database
from callguard.cli.running import run, tell
from callguard.cli.voiceprints import of_each_tenant, opened_book, recording
from callguard.config import load_settings
from callguard.errors import PeopleError
from callguard.voice.speaker.speech import Samples
from callguard.voice.speaker.voiceprint import SAMPLES_NEEDED
from callguard.voice.speaker.words import NOT_TAKEN
from callguard.voiceprints import book, consent
from callguard.voiceprints.book import Consent, Enrolment, Whose

NOT_ACTIVE: Final = 1


def enroll(
    audio: Annotated[list[Path], typer.Argument(metavar="AUDIO...", help="Recordings of the voice alone.")],
    person: Annotated[
        str, typer.Option(help="Whose voice: a name, an e-mail address or an id of a person or contact.")
    ],
    agreed_by: Annotated[
        str, typer.Option("--consent", help="Who agreed to it, such as 'Anna, in person'. It is kept.")
    ],
    wording: Annotated[
        str, typer.Option(help="Version of the words agreed to (`callguard voiceprints wording`).")
    ] = consent.WORDING,
    again: Annotated[bool, typer.Option("--again", help="Replace what is enrolled of this voice.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Enroll a voice from at least three recordings of 5 to 10 seconds; more can be added later.

    Exit status: 0 where the voice can be verified now, 1 where more recordings are needed, 2 for an error.
    """
    if not agreed_by.strip():
        raise typer.BadParameter("A voice is enrolled with consent only: say whose.", param_hint="--consent")
    if wording not in consent.versions():
        raise typer.BadParameter(f"There are: {', '.join(consent.versions())}", param_hint="--wording")
    recordings = [recording(path) for path in audio]
    done = run(_enrol(person, Consent(agreed_by.strip(), wording), recordings, anew=again))
    if as_json:
        print(msgspec.json.encode(_said(done)).decode())
    else:
        for path, refusal in zip(audio, done.told, strict=True):
            tell(f"{path.name}: {'taken' if refusal is None else f'{NOT_TAKEN[refusal]} [{refusal}]'}")
        print(_line(done))
    if not done.is_active:
        raise typer.Exit(NOT_ACTIVE)


def _line(done: Enrolment) -> str:
    if done.id is None:
        return "Nothing is enrolled: none of the recordings can be used."
    if done.is_active:
        return f"{done.id}  active: {done.samples} recordings, quality {done.quality:.2f}"
    return f"{done.id}  pending: {done.samples} of {SAMPLES_NEEDED} recordings, quality {done.quality:.2f}"


def _said(done: Enrolment) -> dict[str, object]:
    return {
        "enrollment_id": str(done.id) if done.id else None,
        "status": "active" if done.is_active else "pending",
        "samples_required": SAMPLES_NEEDED,
        "samples_collected": done.samples,
        "samples_processed": len(done.told),
        "quality_score": round(done.quality, 3),
        "samples": [
            {
                "taken": refusal is None,
                "code": refusal,
                "message": NOT_TAKEN.get(refusal) if refusal else None,
            }
            for refusal in done.told
        ],
    }


async def _enrol(said: str, agreed: Consent, recordings: list[Samples], *, anew: bool) -> Enrolment:
    settings = load_settings()
    voiceprints = opened_book(settings)
    async with opened_database(settings) as database:
        found = await of_each_tenant(
            database, lambda session, tenant_id: book.whose(session, tenant_id, said)
        )
        whose = _only([one for _, one in found])
        async with database.tenant(whose.tenant_id) as session:
            return await voiceprints.enrol(session, whose, recordings, agreed, anew=anew)


def _only(found: list[Whose]) -> Whose:
    if not found:
        raise PeopleError(
            "Nobody here has this name, e-mail address or id. `callguard people show` lists everybody."
        )
    if len(found) > 1:
        ids = ", ".join(str(one.contact_id or one.user_id) for one in found)
        raise PeopleError(f"Several people are called so. Name one by its id: {ids}")
    return found[0]
