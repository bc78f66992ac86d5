"""Voiceprints in Postgres: enrolled with consent, compared, and gone when somebody says so.

Audio comes in as samples and is nowhere kept. A voiceprint is sealed to the row it stands in, so that one
that was copied to another person's row does not open.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from callguard.db.pool import Row, Session
from callguard.domain.signals import KnownVoice, NotAvailable, SignalName, SignalState, VoiceMatch
from callguard.errors import CallguardError
from callguard.voice.deepfake.port import CallScore
from callguard.voice.speaker.liveness import Judge
from callguard.voice.speaker.model import SpeakerModel
from callguard.voice.speaker.speech import Samples
from callguard.voice.speaker.verification import Reason, Verdict, Verification, verify
from callguard.voice.speaker.voiceprint import Refusal, Voiceprint, with_recordings
from callguard.voiceprints.consent import WORDING
from callguard.voiceprints.keyring import Keyring

_MATCHES: Final = {
    Verdict.VERIFIED: VoiceMatch.SAME,
    Verdict.REFUSED: VoiceMatch.OTHER,
    Verdict.UNDECIDED: VoiceMatch.UNDECIDED,
}


class VoiceprintUnknown(CallguardError):
    """There is no voiceprint of this id, or person of this name."""

    code = "VOICEPRINT_UNKNOWN"


class VoiceprintOutdated(CallguardError):
    """A voiceprint comes from another network than the one that ships now."""

    code = "VOICEPRINT_OUTDATED"


@dataclass(frozen=True, slots=True)
class Whose:
    """A person, or with `contact_id` a contact of theirs."""

    tenant_id: UUID
    user_id: UUID
    contact_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed, and to which version of the words."""

    given_by: str
    wording: str = WORDING


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What became of it: `told` says for each recording why it was not taken, or None. `id` is None where
    nothing is enrolled. `quality` 0-1.
    """

    id: UUID | None
    samples: int
    quality: float
    is_active: bool
    told: tuple[Refusal | None, ...]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One voice that is enrolled, or about to be; `network` made its embeddings."""

    id: UUID
    user_id: UUID
    contact_id: UUID | None
    name: str
    is_active: bool
    samples: int
    quality: float
    key_id: str
    network: str
    consent_by: str
    consent_wording: str
    consent_at: datetime


class Voiceprints:
    """Every method runs in a transaction of the tenant's; `deepfake` judges recordings, where there is a
    detector.
    """

    def __init__(self, keys: Keyring, model: SpeakerModel, deepfake: Judge | None = None) -> None:
        self._keys = keys
        self._model = model
        self._deepfake = deepfake

    async def enrol(
        self,
        session: Session,
        whose: Whose,
        recordings: Sequence[Samples],
        consent: Consent,
        *,
        anew: bool = False,
    ) -> Enrolment:
        """Adds recordings to somebody's voiceprint, or with `anew` replaces it by them; nothing of the old
        one is left then, if any of them can be used. Raises SealBroken, ConfigurationError,
        VoiceprintOutdated.
        """
        row = await session.row("voiceprints.of", whose.tenant_id, whose.user_id, whose.contact_id)
        enrolment_id: UUID = row["id"] if row else uuid4()
        before = self._opened(row, whose.tenant_id, enrolment_id) if row and not anew else Voiceprint()
        after, told = await asyncio.to_thread(self._enrolled, before, recordings)
        if len(after.samples) > len(before.samples):
            agreed = (whose.tenant_id, whose.user_id, whose.contact_id, consent.given_by, consent.wording)
            consent_id = await session.value("voiceprints.agree", *agreed)
            await session.run(
                "voiceprints.put",
                enrolment_id,
                whose.tenant_id,
                whose.user_id,
                whose.contact_id,
                consent_id,
                "active" if after.is_complete else "pending",
                len(after.samples),
                after.quality,
                self._keys.seal(after.pack(), _place(whose.tenant_id, enrolment_id)),
                self._keys.in_force,
                self._model.encoder.checksum,
            )
        found = enrolment_id if row or after.samples else None
        return Enrolment(found, len(after.samples), after.quality, after.is_complete, tuple(told))

    def _enrolled(
        self, before: Voiceprint, recordings: Sequence[Samples]
    ) -> tuple[Voiceprint, list[Refusal | None]]:
        return with_recordings(
            before, [(samples, self._judged(samples)) for samples in recordings], self._model
        )

    def _judged(self, samples: Samples) -> CallScore | None:
        return self._deepfake(samples) if self._deepfake else None

    async def verify(
        self, session: Session, tenant_id: UUID, enrolment_id: UUID, samples: Samples
    ) -> Verification:
        """Whether a recording is of the enrolled voice.

        Raises VoiceprintUnknown, VoiceprintOutdated, SealBroken, ConfigurationError.
        """
        row = await session.row("voiceprints.by_id", tenant_id, enrolment_id)
        if row is None:
            raise _unknown()
        voiceprint = self._opened(row, tenant_id, enrolment_id)
        return await asyncio.to_thread(
            lambda: verify(voiceprint, samples, self._model, self._judged(samples))
        )

    async def similarity(
        self, session: Session, tenant_id: UUID, enrolment_id: UUID, samples: Samples
    ) -> KnownVoice | NotAvailable:
        """A caller's voice beside an enrolled one, as a signal. Errors: see `verify`."""
        found = await self.verify(session, tenant_id, enrolment_id, samples)
        if found.similarity is not None:
            return KnownVoice(_MATCHES[found.verdict], found.similarity, self._model.version)
        if found.reason is Reason.TOO_LITTLE_SPEECH:
            detail = "The caller has spoken too little to compare the voice."
            return NotAvailable(SignalName.KNOWN_VOICE, SignalState.TOO_LITTLE_SPEECH, detail)
        detail = "The voice can't be compared: too few samples are enrolled, or the sound is no voice."
        return NotAvailable(SignalName.KNOWN_VOICE, SignalState.NOT_AVAILABLE_YET, detail)

    async def reseal(self, session: Session, tenant_id: UUID) -> int:
        """Seals with the key in force what others sealed; how many that were. Raises SealBroken,
        ConfigurationError.
        """
        rows = await session.rows("voiceprints.sealed_by_others", tenant_id, self._keys.in_force)
        for row in rows:
            place = _place(tenant_id, row["id"])
            opened = self._keys.open(row["sealed"], row["key_id"], place)
            again = self._keys.seal(opened, place)
            await session.run("voiceprints.seal_again", tenant_id, row["id"], again, self._keys.in_force)
        return len(rows)

    def _opened(self, row: Row, tenant_id: UUID, enrolment_id: UUID) -> Voiceprint:
        if row["model"] != self._model.encoder.checksum:
            raise VoiceprintOutdated(
                "This voice was enrolled with another network than this version's. Enroll it with --again."
            )
        return Voiceprint.unpack(
            self._keys.open(row["sealed"], row["key_id"], _place(tenant_id, enrolment_id))
        )


async def enrolled(session: Session, tenant_id: UUID, user_id: UUID | None = None) -> list[Enrolled]:
    """The voices of a person and their contacts, or of everybody in the tenant; oldest first."""
    return [
        Enrolled(
            row["id"],
            row["user_id"],
            row["contact_id"],
            row["name"],
            row["status"] == "active",
            row["samples"],
            row["quality"],
            row["key_id"],
            row["model"],
            row["given_by"],
            row["wording"],
            row["given_at"],
        )
        for row in await session.rows("voiceprints.enrolled", tenant_id, user_id)
    ]


async def release(session: Session, tenant_id: UUID, enrolment_id: UUID) -> None:
    """The consent is withdrawn: the voiceprint is gone, and when that was stays known. Raises
    VoiceprintUnknown.
    """
    if not await session.run("voiceprints.release", tenant_id, enrolment_id):
        raise _unknown()


async def erase(session: Session, tenant_id: UUID, enrolment_id: UUID) -> None:
    """Voiceprint and consents are gone. Raises VoiceprintUnknown."""
    if not await session.run("voiceprints.erase", tenant_id, enrolment_id):
        raise _unknown()


async def whose(session: Session, tenant_id: UUID, said: str) -> list[Whose]:
    """Whom a name, an e-mail address or an id may mean."""
    rows = await session.rows("voiceprints.whose", said)
    return [Whose(tenant_id, row["user_id"], row["contact_id"]) for row in rows]


async def meant(session: Session, tenant_id: UUID, said: str) -> list[UUID]:
    """Whose voiceprints a name, an e-mail address or an id (the voiceprint's own, too) may mean."""
    return [row["id"] for row in await session.rows("voiceprints.meant", tenant_id, said)]


def _place(tenant_id: UUID, enrolment_id: UUID) -> bytes:
    return b"voiceprint" + tenant_id.bytes + enrolment_id.bytes


def _unknown() -> VoiceprintUnknown:
    return VoiceprintUnknown("There is no voiceprint of this id. `callguard voiceprints show` lists them.")
