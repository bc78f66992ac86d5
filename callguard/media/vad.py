"""Is somebody speaking? WebRTC's voice activity detector over one track, about a second at a time."""

from typing import Final

import webrtcvad

from callguard.domain.audio import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, mulaw_decode

# The second of four: stricter ones miss quiet talkers, laxer ones hear speech in clicks.
_AGGRESSIVENESS: Final = 2
_SMOOTHED_FRAMES: Final = 5
_SPOKEN_OF_THEM: Final = 3
_BYTES_PER_SAMPLE: Final = 2


class VoiceActivity:
    """One track's detector. It adapts to the line's noise: windows come in order, and tracks don't share one.

    A frame counts as speech when most of the last 100 ms are: a click is none, a short pause stays inside a
    word. Steady loud noise and ringing tones pass for speech.
    """

    def __init__(self) -> None:
        self._detector = webrtcvad.Vad(_AGGRESSIVENESS)
        self._recent = 0

    def feed(self, window: bytes) -> int:
        """Milliseconds of speech in a window of mu-law; less than a frame (20 ms) at its end is left out."""
        samples = memoryview(mulaw_decode(window).tobytes())
        step = FRAME_BYTES * _BYTES_PER_SAMPLE
        frames = 0
        for start in range(0, len(samples) - step + 1, step):
            spoken = self._detector.is_speech(samples[start : start + step], SAMPLE_RATE)
            self._recent = (self._recent << 1 | spoken) & (1 << _SMOOTHED_FRAMES) - 1
            frames += self._recent.bit_count() >= _SPOKEN_OF_THEM
        return frames * FRAME_MS
