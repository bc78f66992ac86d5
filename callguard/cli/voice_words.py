"""How a voice's score is told to a person at a terminal."""

from rich.text import Text

from callguard.voice.deepfake.labels import PLAIN, Label
from callguard.voice.deepfake.port import Reason
from callguard.voice.deepfake.results import Progress, Scored

WHY = {
    Reason.NOT_ENOUGH_SPEECH: "not enough speech: 3 s are needed",
    Reason.SILENCE: "silence",
    Reason.NOISE: "steady noise, no speech",
    Reason.TONES: "tones, no speech",
    Reason.MUSIC: "music, no plain speech",
    Reason.CLIPPED: "too distorted: driven into the stops",
    Reason.DAMAGED: "damaged samples",
    Reason.UNAVAILABLE: "the detector gave no answer",
}
_STYLE = {Label.LIKELY_REAL: "green", Label.UNCERTAIN: "yellow", Label.LIKELY_SYNTHETIC: "bold red"}
_BAR = 20


def verdict(told: Scored | Progress) -> Text:
    """The score with its interval and its name, or why there is none."""
    if told.score is None or told.low is None or told.high is None:
        reason = told.reason if isinstance(told, Scored) else None
        return Text(f"no score: {WHY[reason or Reason.NOT_ENOUGH_SPEECH]}", "yellow")
    words = f"{PLAIN[told.label]}: {told.score:.2f} (95 %: {told.low:.2f} to {told.high:.2f})"
    return Text(words, _STYLE[told.label])


def track(told: Scored) -> list[Text]:
    """A line for each window: when, its score, and a bar."""
    return [
        Text.assemble(
            f"  {clock(window.start_s):>9} to {clock(window.end_s):>9}  ",
            f"{window.score:.2f} {'█' * round(_BAR * window.score)}"
            if window.score is not None
            else WHY[window.reason or Reason.UNAVAILABLE],
        )
        for window in told.windows
    ]


def clock(seconds: float) -> str:
    """Such as 1:02:03.4, or 2:03.4."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    short = f"{minutes}:{rest // 10:02}.{rest % 10}"
    return f"{hours}:{short.zfill(7)}" if hours else short
