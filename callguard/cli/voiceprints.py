"""`callguard voiceprints`: which voices are enrolled, what their people agreed to, and their end."""

from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec
import numpy as np
import typer

from callguard.cli.database import opened_database
from callguard.cli.running import printable, run, tell
from callguard.config import Settings, load_settings
from callguard.db.pool import Database, Session
from callguard.errors import AudioError, DetectorError
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.reading import pieces
from callguard.voice.speaker import model
from callguard.voice.speaker.liveness import Judge, judged_by
from callguard.voice.speaker.speech import Samples
from callguard.voice.speaker.voiceprint import SAMPLES_NEEDED
from callguard.voiceprints import book, consent
from callguard.voiceprints.book import Enrolled, Voiceprints, VoiceprintUnknown
from callguard.voiceprints.keyring import keyring

T = TypeVar("T")

PIECE_S: Final = 10.0
MOST_PIECES: Final = 60
"""Ten minutes: a recording of one voice is seconds long."""

voiceprints = typer.Typer(help="Show enrolled voices, and let them go.", no_args_is_help=True)

Who = Annotated[
    str, typer.Argument(help="A name, an e-mail address, or an id: a person's, a contact's, an enrolment's.")
]

_JSON: Final = msgspec.json.Encoder(enc_hook=str)


@voiceprints.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """Show every enrolled voice: whose, since when, and who agreed."""
    found = run(_enrolled(load_settings()))
    if as_json:
        print(_JSON.encode(found).decode())
        return
    network = model.load().encoder.checksum
    for one in found:
        state = "active" if one.is_active else f"pending, {one.samples} of {SAMPLES_NEEDED} recordings"
        old = "" if one.network == network else "; enrol it again: it is of another version"
        print(f"{one.id}  {printable(one.name)}: {state}, quality {one.quality:.2f}, key {one.key_id}{old}")
        agreed = f"{one.consent_at:%Y-%m-%d} to wording {printable(one.consent_wording)}"
        print(f"  agreed by {printable(one.consent_by)} on {agreed}")
    if not found:
        print("No voice is enrolled.")


@voiceprints.command()
def wording(
    language: Annotated[str, typer.Option(help="en, es, fr, de or pt.")] = "en",
    version: Annotated[str, typer.Option(help="Another version than the one in force.")] = consent.WORDING,
) -> None:
    """Print the words to agree to before a voice is enrolled."""
    if version not in consent.versions():
        raise typer.BadParameter(f"There are: {', '.join(consent.versions())}", param_hint="--version")
    said = consent.words(version)
    if language not in said:
        raise typer.BadParameter(f"There are: {', '.join(said)}", param_hint="--language")
    print(said[language])


@voiceprints.command()
def release(who: Who) -> None:
    """The consent is withdrawn: the voiceprint is erased; who had agreed, and when that ended, stays
    known.
    """
    run(_end(load_settings(), who, book.release))
    tell("Released: the voiceprint is gone.")


@voiceprints.command()
def erase(who: Who) -> None:
    """Erase a voiceprint, and all that is known of the consent to it."""
    run(_end(load_settings(), who, book.erase))
    tell("Erased: the voiceprint and its consents are gone.")


@voiceprints.command()
def reseal() -> None:
    """Seal every voiceprint with the first key of VOICEPRINT_KEY, so that the others can be taken out."""
    count = run(_reseal(load_settings()))
    tell(f"Sealed {count} voiceprint{'' if count == 1 else 's'} again.")


def opened_book(settings: Settings) -> Voiceprints:
    """The voiceprints, ready to enrol and compare.

    Raises ConfigurationError without VOICEPRINT_KEY, DetectorError where the network that is set can't be
    used.
    """
    return Voiceprints(keyring(settings.voiceprint_key), model.load(), _judge(settings))


def _judge(settings: Settings) -> Judge | None:
    """The detector of synthesis; None, and said so, where none is set and none ships."""
    choice = Choice.of(settings)
    try:
        return judged_by(choice.load())
    except DetectorError as error:
        if choice.is_file or error.code != "DETECTOR_NOT_FOUND":
            raise
        tell("Nothing here can tell a synthetic voice: what is verified may be a clone.")
        return None


def recording(path: Path) -> Samples:
    """A file's samples at 8000 Hz, mixed down. Raises AudioError; the message names the file."""
    try:
        heard = list(islice(pieces(path, PIECE_S), MOST_PIECES + 1))
    except AudioError as error:
        raise AudioError(f"{path}: {error.message}", code=error.code) from None
    if len(heard) > MOST_PIECES:
        raise AudioError(f"{path}: It is too long. Cut out ten minutes at most.", code="AUDIO_TOO_LONG")
    return np.concatenate(heard)


async def of_each_tenant(
    database: Database, ask: Callable[[Session, UUID], Awaitable[list[T]]]
) -> list[tuple[UUID, T]]:
    """What is found in each organisation, with its id."""
    async with database.session() as session:
        tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
    found = []
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            found += [(tenant_id, one) for one in await ask(session, tenant_id)]
    return found


async def meant(database: Database, said: str) -> tuple[UUID, UUID]:
    """The organisation and the enrolment that are meant. Raises VoiceprintUnknown."""
    found = await of_each_tenant(database, lambda session, tenant_id: book.meant(session, tenant_id, said))
    if not found:
        raise VoiceprintUnknown("No such voice is enrolled. `callguard voiceprints show` lists all.")
    if len(found) > 1:
        ids = ", ".join(str(enrolment_id) for _, enrolment_id in found)
        raise VoiceprintUnknown(f"Several voices are called so. Name one by its id: {ids}")
    return found[0]


async def _enrolled(settings: Settings) -> list[Enrolled]:
    async with opened_database(settings) as database:
        return [one for _, one in await of_each_tenant(database, book.enrolled)]


async def _end(settings: Settings, said: str, end: Callable[[Session, UUID, UUID], Awaitable[None]]) -> None:
    async with opened_database(settings) as database:
        tenant_id, enrolment_id = await meant(database, said)
        async with database.tenant(tenant_id) as session:
            await end(session, tenant_id, enrolment_id)


async def _reseal(settings: Settings) -> int:
    voices = Voiceprints(keyring(settings.voiceprint_key), model.load())
    async with opened_database(settings) as database:

        async def again(session: Session, tenant_id: UUID) -> list[int]:
            return [await voices.reseal(session, tenant_id)]

        return sum(count for _, count in await of_each_tenant(database, again))
