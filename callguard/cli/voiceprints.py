"""`callguard voiceprints`: which voices are enrolled, and their end."""

from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import msgspec
import numpy as np
import typer

from callguard.cli.database import opened_database
from callguard.cli.running import printable, run, tell
from callguard.config import Settings, load_settings
from callguard.db.pool import Database
from callguard.errors import AudioError
from callguard.speech import wav
from callguard.voice.speaker import model
from callguard.voice.speaker.speech import telephone
from callguard.voice.speaker.voiceprint import SAMPLES_NEEDED
from callguard.voiceprints import book
from callguard.voiceprints.book import Enrolled, Samples, Voiceprints, VoiceprintUnknown
from callguard.voiceprints.keyring import keyring

voiceprints = typer.Typer(help="Show enrolled voices, and let them go.", no_args_is_help=True)

Id = Annotated[UUID, typer.Argument(help="The enrolment's id, as `callguard voiceprints show` tells it.")]

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
def release(enrolment: Id) -> None:
    """The consent is withdrawn: the voiceprint is erased; who had agreed, and when that ended, stays
    known.
    """
    run(_end(load_settings(), enrolment, keep_consent=True))
    tell("Released: the voiceprint is gone.")


@voiceprints.command()
def erase(enrolment: Id) -> None:
    """Erase a voiceprint, and all that is known of the consent to it."""
    run(_end(load_settings(), enrolment, keep_consent=False))
    tell("Erased: the voiceprint and its consents are gone.")


@voiceprints.command()
def reseal() -> None:
    """Seal every voiceprint with the first key of VOICEPRINT_KEY, so that the others can be taken out."""
    count = run(_reseal(load_settings()))
    tell(f"Sealed {count} voiceprint{'' if count == 1 else 's'} again.")


def opened_book(settings: Settings) -> Voiceprints:
    """The voiceprints, ready to enrol and compare. Raises ConfigurationError without VOICEPRINT_KEY."""
    return Voiceprints(keyring(settings.voiceprint_key), model.load())


def recording(path: Path) -> Samples:
    """A file's samples as they are compared. Raises AudioError; the message names the file."""
    try:
        samples, rate = wav.samples(path.read_bytes())
        return telephone(samples.astype(np.float32), rate)
    except OSError as error:
        raise AudioError(
            f"{path}: can't be read ({type(error).__name__}).", code="AUDIO_UNREADABLE"
        ) from None
    except AudioError as error:
        raise AudioError(f"{path}: {error.message}", code=error.code) from None


async def tenant_of(database: Database, enrolment_id: UUID) -> UUID:
    """Whose organisation's an enrolment is. Raises VoiceprintUnknown."""
    async with database.session() as session:
        tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            if await session.row("voiceprints.by_id", tenant_id, enrolment_id) is not None:
                return tenant_id
    raise VoiceprintUnknown("There is no voiceprint of this id. `callguard voiceprints show` lists them.")


async def _enrolled(settings: Settings) -> list[Enrolled]:
    async with opened_database(settings) as database:
        async with database.session() as session:
            tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
        found = []
        for tenant_id in tenants:
            async with database.tenant(tenant_id) as session:
                found += await book.enrolled(session, tenant_id)
    return found


async def _end(settings: Settings, enrolment_id: UUID, *, keep_consent: bool) -> None:
    async with opened_database(settings) as database:
        tenant_id = await tenant_of(database, enrolment_id)
        async with database.tenant(tenant_id) as session:
            await (book.release if keep_consent else book.erase)(session, tenant_id, enrolment_id)


async def _reseal(settings: Settings) -> int:
    voices = opened_book(settings)
    async with opened_database(settings) as database:
        async with database.session() as session:
            tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
        count = 0
        for tenant_id in tenants:
            async with database.tenant(tenant_id) as session:
                count += await voices.reseal(session, tenant_id)
    return count
