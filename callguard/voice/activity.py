"""Where somebody speaks, and the windows of speech alone that detectors judge.

WebRTC's detector decides over frames of 20 ms. A frame counts as speech when most of the 300 ms around it,
from 80 ms before to 200 ms after, are voiced: clicks are none, pauses of up to 200 ms stay inside speech, and
the 60 ms before it belong to it, where its first consonant is. The detector calls voiced what follows speech
for about as long, so its end is cut by as much. Frames of speech are joined, so that a window holds seconds
of speech, however long the pauses were.

Steady loud noise, music and tones pass for speech: who judges a window looks for them first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from callguard.domain.audio import FRAME_MS, SAMPLE_RATE
from callguard.voice.codecs import bounded, to_pcm
from callguard.voice.resampling import resample

FRAME: Final = SAMPLE_RATE * FRAME_MS // 1000
"""Samples of a frame."""

_AGGRESSIVENESS: Final = 2  # of 0 to 3: stricter misses quiet talkers, laxer hears speech in clicks
_BEFORE, _AFTER = 4, 10  # frames looked at around each
_AROUND: Final = _BEFORE + 1 + _AFTER
_LEAST_VOICED: Final = 8  # of these
_BLOCK: Final = 60 * SAMPLE_RATE  # taken at once, so that a long recording isn't held in copies


@dataclass(frozen=True, slots=True)
class Window:
    """Frames of speech, joined, at 8 kHz; when the first begins and the last ends in the recording."""

    samples: NDArray[np.float32]
    start_s: float
    end_s: float
    speech_s: float


def speech_windows(
    samples: NDArray[np.float32],
    rate: int = SAMPLE_RATE,
    *,
    window_s: float = 4.0,
    hop_s: float = 2.0,
    least_s: float = 3.0,
) -> list[Window]:
    """The windows of speech in mono samples between -1 and 1, of any rate: see SpeechTape."""
    tape = SpeechTape(window_s=window_s, hop_s=hop_s, least_s=least_s)
    heard = tape.feed(resample(bounded(samples), rate, SAMPLE_RATE))
    return heard + tape.flush()


class SpeechTape:
    """Windows of speech from a stream, the same however it is cut into chunks.

    A window holds `window_s` seconds of speech and begins `hop_s` seconds of speech after the one before it.
    Held in memory: less than a window of speech, and the 200 ms that aren't decided yet.
    """

    def __init__(self, *, window_s: float = 4.0, hop_s: float = 2.0, least_s: float = 3.0) -> None:
        self._window, self._hop, self._least = (_frames(seconds) for seconds in (window_s, hop_s, least_s))
        if not 0 < self._hop <= self._window or not 0 < self._least <= self._window:
            raise ValueError("a window must be as long as its hop, and as the least speech, or longer")
        self._detector = webrtcvad.Vad(_AGGRESSIVENESS)
        self._rest = np.empty(0, np.float32)  # less than a frame
        self._undecided = np.empty((0, FRAME), np.float32)
        self._voiced = np.zeros(_BEFORE, np.uint8)  # of the frames before those, and of those
        self._decided = 0
        self._speech: list[NDArray[np.float32]] = []  # from the next window's beginning on
        self._places: list[NDArray[np.int64]] = []  # of these frames in the stream
        self._waiting = 0
        self._spoken = 0
        self.span: tuple[float, float] | None = None
        """When the first frame of speech so far began, and the last one ended, in seconds."""

    @property
    def speech_seconds(self) -> float:
        """How much speech there was so far."""
        return self._spoken * FRAME_MS / 1000

    def feed(self, samples: NDArray[np.float32]) -> list[Window]:
        """Take the next samples, 8 kHz, mono, between -1 and 1; give the windows that are complete with them.

        What is no number counts as silence, what is louder as full scale.
        """
        windows = []
        for start in range(0, len(samples), _BLOCK):
            windows += self._take(bounded(samples[start : start + _BLOCK]))
        return windows

    def flush(self) -> list[Window]:
        """The last window, shorter, if it holds `least_s` of speech. The stream has ended: feed no more.

        A frame that isn't whole is left out.
        """
        self._decide(np.zeros((_AFTER, FRAME), np.float32), np.zeros(_AFTER, np.uint8))
        windows = self._complete()
        if self._waiting >= self._least:
            windows.append(_window(np.concatenate(self._speech), np.concatenate(self._places)))
        return windows

    def _take(self, samples: NDArray[np.float32]) -> list[Window]:
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // FRAME * FRAME
        frames, self._rest = samples[:whole].reshape(-1, FRAME), samples[whole:].copy()
        self._decide(frames, self._listen(frames))
        return self._complete()

    def _listen(self, frames: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Which frames sound voiced by themselves."""
        pcm = memoryview(to_pcm(frames).tobytes())
        step, is_speech = 2 * FRAME, self._detector.is_speech
        heard = (is_speech(pcm[at : at + step], SAMPLE_RATE) for at in range(0, len(pcm), step))
        return np.fromiter(heard, np.uint8, len(frames))

    def _decide(self, frames: NDArray[np.float32], voiced: NDArray[np.uint8]) -> None:
        """Put the frames whose surroundings are known now on the tape, if they are speech."""
        frames = np.concatenate([self._undecided, frames])
        voiced = np.concatenate([self._voiced, voiced])
        known = max(0, len(frames) - _AFTER)
        self._undecided, self._voiced = frames[known:].copy(), voiced[known:].copy()
        if not known:
            return
        around = np.convolve(voiced, np.ones(_AROUND, np.int64), mode="valid")
        speech = np.flatnonzero(around >= _LEAST_VOICED)
        if len(speech):
            self._speech.append(frames[speech])
            self._places.append(speech + self._decided)
            self._waiting += len(speech)
            self._spoken += len(speech)
            first, last = int(speech[0]) + self._decided, int(speech[-1]) + self._decided
            begins = self.span[0] if self.span else first * FRAME_MS / 1000
            self.span = begins, (last + 1) * FRAME_MS / 1000
        self._decided += known

    def _complete(self) -> list[Window]:
        if self._waiting < self._window:
            return []
        speech, places = np.concatenate(self._speech), np.concatenate(self._places)
        starts = range(0, self._waiting - self._window + 1, self._hop)
        windows = [_window(speech[at : at + self._window], places[at : at + self._window]) for at in starts]
        rest = len(starts) * self._hop
        self._speech, self._places = [speech[rest:].copy()], [places[rest:].copy()]
        self._waiting -= rest
        return windows


def _window(speech: NDArray[np.float32], places: NDArray[np.int64]) -> Window:
    return Window(
        samples=speech.flatten(),
        start_s=int(places[0]) * FRAME_MS / 1000,
        end_s=int(places[-1] + 1) * FRAME_MS / 1000,
        speech_s=len(places) * FRAME_MS / 1000,
    )


def _frames(seconds: float) -> int:
    return round(seconds * 1000 / FRAME_MS)
