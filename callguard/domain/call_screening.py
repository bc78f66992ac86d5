"""A phone's own call screening, known by its words: a robot that answers and asks who is calling.

Sources of the English wording: Twilio, "Detecting iOS 26 Call Screening" (2025), for Apple's; Google's
presentation of Call Screen on the Pixel 3 (2018) and Aircall's help pages on Google's Call Assist (2025). Of
the robots that speak Spanish, French, German and Portuguese no wording is published: they are known by what
they cannot but ask for, the name and the reason of the call for a person who may be there.
"""

from typing import Final

from callguard.domain.words import contains, normalise

# How long after the person's leg was answered its robot may begin to speak, and how long the person may take.
BEGINS_WITHIN_S: Final = 30
PERSON_WITHIN_S: Final = 45

_SENTENCES: Final = tuple(
    normalise(text)
    for text in (
        "Hi, if you record your name and reason for calling, I'll see if this person is available.",
        "Hi, the person you're calling is using a screening service from Google, and will get a copy of this "
        "conversation. Go ahead and say your name and why you're calling.",
        "Hi, I'm Call Assist by Google recording this call for the person you're trying to reach. Before I "
        "try to connect you, can I ask what you're calling about?",
    )
)
_TELLING: Final = tuple(
    frozenset(normalise(phrase) for phrase in phrases)
    for phrases in (
        ("record your name and reason for calling",),
        ("using a screening service from Google",),
        ("Call Assist by Google",),
        ("say your name and why you're calling",),
        ("nombre", "motivo", "llamada", "persona"),
        ("nom", "raison", "appel", "personne"),
        ("nom", "motif", "appel", "personne"),
        ("Namen", "Grund", "Anrufs", "Person"),
        ("Namen", "Grund", "Anruf", "Person"),
        ("nome", "motivo", "chamada", "pessoa"),
        ("nome", "motivo", "ligação", "pessoa"),
    )
)
# What such a robot says while it asks the person.
_MEANWHILE: Final = tuple(
    normalise(text)
    for text in (
        "Thanks. Thank you. Please stay on the line.",
        "Thanks, one moment please. Please hold on. Please wait.",
        "This person isn't available right now. Goodbye.",
        "Gracias. Un momento, por favor. No cuelgue.",
        "Merci. Un instant, s'il vous plaît. Ne quittez pas.",
        "Danke. Einen Moment bitte. Bitte bleiben Sie dran.",
        "Obrigado. Obrigada. Um momento, por favor. Aguarde.",
    )
)
_GREETINGS: Final = frozenset({"hi", "hello"})
_FEWEST_WORDS: Final = 5


def is_call_screening(text: str) -> bool:
    """Whether a screening robot says this: one of its sentences, or five words or more of the beginning of
    one, as a recogniser's growing results give them.
    """
    heard = normalise(text)
    if any(all(contains(heard, phrase) for phrase in telling) for telling in _TELLING):
        return True
    return len(heard.split()) >= _FEWEST_WORDS and any(
        f"{sentence} ".startswith(f"{heard} ") for sentence in _SENTENCES
    )


def may_be_the_robot(text: str) -> bool:
    """Whether this may still be the robot, on a leg where it spoke: else the person has come on the line."""
    heard = normalise(text)
    if not heard or is_call_screening(text):
        return True
    if heard in _GREETINGS:
        return False
    return any(contains(sentence, heard) for sentence in (*_SENTENCES, *_MEANWHILE))
