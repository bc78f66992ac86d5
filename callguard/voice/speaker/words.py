"""What became of a recording, and what to do about it, in words for who gave it."""

from typing import Final

from callguard.voice.speaker.verification import Reason
from callguard.voice.speaker.voiceprint import LEAST_SPEECH_S, MOST_SAMPLES, SAMPLES_NEEDED, Refusal

NOT_TAKEN: Final = {
    Refusal.TOO_LITTLE_SPEECH: f"It holds less than {LEAST_SPEECH_S:.0f} seconds of speech. "
    "Record five to ten seconds of talk.",
    Refusal.NOT_SPEECH: "It holds a tone or a hum and no speech. Record the voice alone.",
    Refusal.TOO_NOISY: "It is too noisy. Record it in a quiet room, nearer to the microphone.",
    Refusal.CLIPPED: "It is too loud and so distorted. Speak less loudly, or farther from the microphone.",
    Refusal.SYNTHETIC: "The voice sounds synthetic. Record the person themselves, not something played back.",
    Refusal.LIVENESS_UNKNOWN: "It can't be told whether the voice is synthetic. "
    "Record it again, in a quiet room.",
    Refusal.REPEATED: "This recording is enrolled already. Record something else.",
    Refusal.OTHER_VOICE: "It sounds like somebody else than the recordings before it. "
    "Record the same person, or replace what is enrolled.",
    Refusal.ENOUGH: f"{MOST_SAMPLES} recordings are enrolled, which is enough. Replace them to enrol anew.",
}

FOUND: Final = {
    Reason.SAME_VOICE: "It is the enrolled voice.",
    Reason.OTHER_VOICE: "It is another voice than the enrolled one.",
    Reason.NOT_SURE: "It can't be told whether this is the enrolled voice. Try a longer, quieter recording.",
    Reason.SYNTHETIC: "The voice sounds synthetic. Ring the person on a number that you know.",
    Reason.LIVENESS_UNKNOWN: "It can't be told whether the voice is synthetic. Try a quieter recording.",
    Reason.REPLAYED: "A recording that was enrolled is played again. Ask for other words.",
    Reason.TOO_LITTLE_SPEECH: f"There is too little speech to tell: {LEAST_SPEECH_S:.0f} seconds are needed.",
    Reason.NOT_SPEECH: "It holds a tone or a hum and no speech.",
    Reason.NOT_COMPLETE: f"Fewer than {SAMPLES_NEEDED} recordings are enrolled. Enrol more first.",
}
