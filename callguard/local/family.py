"""The demo family: fictitious people at fictitious numbers, in a tenant of their own."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from callguard.analysis import catalogue_store
from callguard.db.pool import Database
from callguard.domain.analysis_policy import AnalysisPolicy
from callguard.domain.audio import mulaw_decode
from callguard.local.recordings import enrolled_recordings, load_mulaw
from callguard.local.twilio import Handset, PhoneBook
from callguard.voiceprints.book import Consent, Voiceprints, Whose

LANGUAGE = "en"
FULL_SCALE = np.float32(32768)


@dataclass(frozen=True, slots=True)
class Relative:
    """Somebody who is told."""

    name: str
    phone_number: str
    relationship: str
    priority: int


@dataclass(frozen=True, slots=True)
class Family:
    """A protected person, the number that watches over them, and whom to tell."""

    tenant_id: UUID
    name: str
    person: str
    email: str
    phone_number: str
    twilio_number: str
    relatives: tuple[Relative, ...]


DEMO_FAMILY = Family(
    tenant_id=UUID("5eed0000-0000-4000-8000-000000000001"),
    name="Demo family",
    person="Margaret",
    email="margaret@example.com",
    phone_number="+12025550110",
    twilio_number="+12025550100",
    relatives=(
        Relative("Anna", "+12025550120", "daughter", 1),
        Relative("Ben", "+12025550121", "son", 2),
    ),
)

CAROL = Relative("Carol", "+12025550122", "granddaughter", 3)
"""Whose voice is enrolled in the demo."""


async def move_in(database: Database, family: Family = DEMO_FAMILY) -> None:
    """Puts the family into the database, or brings it up to date. Raises DatabaseError."""
    tenant_id = family.tenant_id
    async with database.tenant(tenant_id) as session:
        await session.run("tenants.create", tenant_id, family.name)
        await catalogue_store.ship(session)
        user_id = await session.value(
            "people.add_person",
            tenant_id,
            family.email,
            family.person,
            family.phone_number,
            family.twilio_number,
            LANGUAGE,
            True,
        )
        for relative in family.relatives:
            contact_id = await session.value(
                "people.add_contact",
                tenant_id,
                user_id,
                relative.name,
                relative.phone_number,
                relative.relationship,
                relative.priority,
            )
            # They have been asked: nobody in this family has to answer an invitation.
            await session.run("people.verify_contact", contact_id)


def handsets(family: Family = DEMO_FAMILY) -> PhoneBook:
    """Their telephones, all of which answer."""
    numbers = [family.phone_number, *(relative.phone_number for relative in (*family.relatives, CAROL))]
    return PhoneBook([Handset(number) for number in numbers])


async def be_known(database: Database, enrolling: Voiceprints, family: Family = DEMO_FAMILY) -> None:
    """Has each call's voice judged from its first words on, and Carol's known. Raises DatabaseError,
    AudioError.
    """
    async with database.tenant(family.tenant_id) as session:
        user_id = await session.value("people.put", "users", ["tenant_id", "email"], _judged(family))
        contact_id = await session.value(
            "people.add_contact",
            family.tenant_id,
            user_id,
            CAROL.name,
            CAROL.phone_number,
            CAROL.relationship,
            CAROL.priority,
        )
        await session.run("people.verify_contact", contact_id)
        heard = [mulaw_decode(load_mulaw(path)) / FULL_SCALE for path in enrolled_recordings()]
        carol = Whose(family.tenant_id, user_id, contact_id)
        recordings = [samples.astype(np.float32) for samples in heard]
        await enrolling.enrol(session, carol, recordings, Consent("nobody: it is a demo"), anew=True)


def _judged(family: Family) -> dict[str, str]:
    return {
        "tenant_id": str(family.tenant_id),
        "email": family.email,
        "name": family.person,
        "phone_number": family.phone_number,
        "twilio_number": family.twilio_number,
        "analysis_policy": AnalysisPolicy.LOCAL_ALWAYS,
    }
