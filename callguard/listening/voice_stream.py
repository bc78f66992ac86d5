"""One stream's voice: what was heard of it, what waits to be judged, and what it has told."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import numpy as np

from callguard.domain.audio import mulaw_decode
from callguard.domain.signals import SignalState, VoiceMatch
from callguard.domain.voice_reading import Likeness, VoiceReading
from callguard.listening.voice_book import Leave
from callguard.listening.voice_worker import FULL_SCALE
from callguard.media.endpoint import AdmittedStream
from callguard.media.session import StreamSession
from callguard.voice import activity
from callguard.voice.activity import SpeechTape
from callguard.voice.deepfake.port import Reason, WindowScore, aggregate
from callguard.voice.speaker import verification
from callguard.voiceprints.book import Opened

MOST_WAITING: Final = 4
"""Windows of one call that wait: 10 s of speech, all that a score needs to count wholly."""
MOST_SCORES: Final = 300
"""Windows of one call that are remembered by their scores: the last ten minutes of speech."""
COMPARE_SECONDS: Final = 6.0
"""Of new speech, from one comparison with enrolled voices to the next."""
LEAST_SPEECH_S: Final = 3.0
"""Of speech; with less nothing is compared."""

_MATCHES: Final = {
    verification.Reason.SAME_VOICE: VoiceMatch.SAME,
    verification.Reason.OTHER_VOICE: VoiceMatch.OTHER,
    verification.Reason.REPLAYED: VoiceMatch.REPLAYED,
    verification.Reason.NOT_SURE: VoiceMatch.UNDECIDED,
}
_STATES: Final = {
    Reason.NOT_ENOUGH_SPEECH: SignalState.TOO_LITTLE_SPEECH,
    Reason.UNAVAILABLE: SignalState.FAILED,
}


@dataclass(slots=True)
class WaitingWindow:
    """A window that was not judged yet, the `number`th of its call: 16-bit samples at 8 kHz."""

    number: int
    pcm: bytes = field(repr=False)
    failed: bool = False


@dataclass(slots=True)
class VoiceStream:
    """`tape` is None until the voice may be judged. `in_hand`: somebody serves it at this moment."""

    stream: AdmittedStream
    session: StreamSession
    tape: SpeechTape | None = None
    leave: Leave | None = None
    is_over: bool = False
    in_hand: bool = False
    waiting: deque[WaitingWindow] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    scores: deque[WindowScore] = field(default_factory=lambda: deque(maxlen=MOST_SCORES))
    model: str = "none"
    told: VoiceReading | None = None
    voiceprints: list[Opened] = field(default_factory=list)
    compared_at: float | None = None
    likenesses: dict[UUID, Likeness] = field(default_factory=dict)
    _windows: int = 0
    _judged_until: int = 0

    def begin(self, mulaw: bytes) -> None:
        """From now on its voice is judged, and what is still held of the past with it."""
        self.tape = SpeechTape()
        self.hear(self.tape, mulaw)

    def hear(self, tape: SpeechTape, mulaw: bytes) -> None:
        self._take(tape.feed(mulaw_decode(mulaw) * FULL_SCALE))

    def end(self, tape: SpeechTape) -> None:
        """The last window, where there is speech enough for one more."""
        self._take(tape.flush())
        self.is_over = True

    def _take(self, windows: Sequence[activity.Window]) -> None:
        for window in windows:
            self._windows += 1
            pcm = (window.samples / FULL_SCALE).astype(np.int16).tobytes()
            self.waiting.append(WaitingWindow(self._windows, pcm))

    @property
    def spoken_s(self) -> float:
        return self.tape.speech_seconds if self.tape else 0.0

    @property
    def may_leave(self) -> bool:
        return self.leave is not None and self.leave.woken

    @property
    def is_due(self) -> bool:
        return bool(self.waiting) or self.should_compare

    @property
    def should_compare(self) -> bool:
        if not self.voiceprints or self.spoken_s < LEAST_SPEECH_S:
            return False
        return self.compared_at is None or self.spoken_s >= self.compared_at + COMPARE_SECONDS

    @property
    def failed_before(self) -> bool:
        """Whether its next window is one that could not be judged."""
        return bool(self.waiting) and self.waiting[0].failed

    def failed(self, window: WaitingWindow) -> None:
        """It could not be judged: it is tried once more, unless there are newer ones enough."""
        if window.failed or len(self.waiting) == MOST_WAITING:
            self.add(window, WindowScore(None, Reason.UNAVAILABLE, 0.0), self.model)
        else:
            window.failed = True
            self.waiting.appendleft(window)

    def add(self, window: WaitingWindow, score: WindowScore, model: str) -> None:
        """Its score. Where one before it was never judged, the two have no speech in common."""
        if window.number > self._judged_until + 1 and self.scores:
            self.scores.append(WindowScore(None, Reason.UNAVAILABLE, 0.0))
        self._judged_until = window.number
        self.scores.append(score)
        self.model = model

    def reading(self) -> VoiceReading:
        """What its scores say together."""
        call = aggregate(self.scores)
        if call.score is None:
            assert call.reason is not None, "no score has a reason"
            state = _STATES.get(call.reason, SignalState.UNSUITABLE)
            return VoiceReading(state, self.spoken_s, 0, self.model, reason=call.reason)
        return VoiceReading(
            SignalState.MEASURED, call.speech_s, call.windows, self.model, call.score, call.low, call.high
        )


def likeness_of(reason: str, similarity: float | None, model: str) -> Likeness | None:
    """What a comparison concluded; None where there was nothing to compare."""
    if reason == verification.Reason.TOO_LITTLE_SPEECH:
        return Likeness(None, None, model)
    match = _MATCHES.get(verification.Reason(reason)) if reason in _REASONS else None
    return Likeness(match, similarity, model) if match is not None and similarity is not None else None


_REASONS: Final = frozenset(verification.Reason)
