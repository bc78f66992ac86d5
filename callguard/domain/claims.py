"""Whom a caller claims to be, among those whose voices are enrolled: by the number, or by their own words.

Only what somebody says of themself counts. 'Your mother has had a fall' is what an honest hospital says, and
a voice that isn't the mother's proves nothing then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from callguard.domain.words import contains, normalise


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A contact whose voice is enrolled, by the id of the voiceprint; `relationship` in free words."""

    id: UUID
    name: str
    relationship: str | None
    phone_number: str


def claimed(
    enrolled: Sequence[Enrolled], caller_number: str, said: Sequence[str], *, as_relative: bool
) -> list[UUID]:
    """The voiceprints of those whom the caller may claim to be. `said`: what the caller said, in order.

    Who calls from a contact's number claims to be them; so does who introduces themself by the first name
    ('it's Anna'), or by what they are to the person ('it's your daughter'). A bare 'it's me' may be each of
    them, where `as_relative` says that the words are those of a relative in trouble.
    """
    words = " ".join(normalise(text) for text in said)
    named = [
        contact.id
        for contact in enrolled
        if contact.phone_number == caller_number or _introduces(words, contact)
    ]
    if not named and as_relative and any(contains(words, phrase) for phrase in _ITS_ME):
        return [contact.id for contact in enrolled]
    return named


def _introduces(words: str, contact: Enrolled) -> bool:
    kin = normalise(contact.relationship or "")
    if kin and any(contains(words, f"{i} {your} {kin}") for i in _I_AM for your in _YOUR):
        return True
    name = next(iter(normalise(contact.name).split()), "")
    introductions = [*(f"{i} {name}" for i in _I_AM), *(f"{name} {here}" for here in _HERE)]
    return bool(name) and any(contains(words, phrase) for phrase in introductions)


# As words.normalise leaves them: "it's" is 'its', 'c'est' is 'cest'.
_I_AM: Final = (
    "its", "it is", "this is", "i am", "im", "my name is", "its me", "it is me",
    "soy", "habla", "le habla", "te habla", "aqui", "me llamo", "soy yo",
    "cest", "cest moi", "je suis", "ici", "je mappelle", "moi cest",
    "hier ist", "hier spricht", "hier", "ich bin", "ich bins", "ich heisse", "ich bin die", "ich bin der",
    "sou", "sou a", "sou o", "aqui e a", "aqui e o", "fala a", "fala o", "chamo me", "sou eu a", "sou eu o",
)  # fmt: skip
_HERE: Final = ("here", "speaking", "hier", "aqui", "am apparat", "a lappareil")
_YOUR: Final = (
    "your", "tu", "su", "ta", "ton", "votre", "deine", "dein", "ihre", "ihr", "tua", "teu", "sua", "seu",
    "a tua", "o teu", "a sua", "o seu",
)  # fmt: skip
_ITS_ME: Final = ("its me", "it is me", "soy yo", "cest moi", "ich bins", "ich bin es", "sou eu")
