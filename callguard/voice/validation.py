"""Is a recording fit to be judged? What is measured of it, and what that means.

An error makes a score or a voiceprint impossible or worthless; a warning makes it worse; a note is only said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.voice.activity import SpeechTape
from callguard.voice.files import CONTAINERS, AudioFacts, AudioFile
from callguard.voice.levels import ClippingMeter, LevelMeter, Levels
from callguard.voice.resampling import Resampler

LEAST_S: Final = 1.0
LEAST_SPEECH_S: Final = 3.0  # a detector's shortest window
QUIET_DBFS, LOUD_DBFS = -40.0, -12.0  # 14 dB around what telephone lines are laid out for
CLIPPED, SPOILT_BY_CLIPPING = 0.001, 0.01
NOISY_SNR_DB, SPOILT_BY_NOISE_DB = 15.0, 5.0
NOISY_UNPAUSED_DB: Final = 10.0  # the floor under speech without pauses is partly speech
LEAST_PAUSES_S: Final = 0.5
OFFSET: Final = 0.01
MOSTLY_SILENT: Final = 0.6
WIDE_RATE: Final = 16_000
_MISSING_S, _MISSING_SHARE = 0.1, 0.01  # encoders pad, and round
_SAME_CHANNELS: Final = 0.9


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a recording. `code` is stable; `mendable`: a new file can be without it."""

    code: str
    severity: Severity
    seen: str
    todo: str
    mendable: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A recording that was read to its end.

    speech_span_s: when the first speech begins and the last one ends. mix: power of all channels mixed to
    one, against their mean power: 1 where they are the same, a half where two people have one each, 0 where
    they cancel out. clipped_share: of the channel with most of it.
    """

    facts: AudioFacts
    suffix: str
    duration_s: float
    speech_s: float
    speech_span_s: tuple[float, float] | None
    levels: Levels
    clipped_share: float
    mix: float
    damaged_packets: int
    not_numbers: int


def measured(file: AudioFile, suffix: str, blocks: Iterable[NDArray[np.float32]]) -> Measured:
    """Reads the file's blocks, which may come through a progress bar. Memory: 1.6 KB for each second.

    suffix: the extension of its name.
    """
    facts = file.facts
    meter, tape = LevelMeter(facts.rate), SpeechTape()
    resampler = Resampler(facts.rate, SAMPLE_RATE, np.dtype(np.float32))
    clipping = [ClippingMeter() for _ in range(facts.channels)]
    frames, mixed, single = 0, 0.0, 0.0
    for block in blocks:
        mono = block.mean(axis=1)
        meter.feed(mono)
        tape.feed(resampler.feed(mono))
        for channel, its_meter in zip(block.T, clipping, strict=True):
            its_meter.feed(channel)
        frames += len(block)
        mixed += float(np.sum(mono**2, dtype=np.float64))
        single += float(np.sum(block**2, dtype=np.float64)) / facts.channels
    tape.feed(resampler.flush())
    tape.flush()
    return Measured(
        facts=facts,
        suffix=suffix.lower(),
        duration_s=frames / facts.rate,
        speech_s=tape.speech_seconds,
        speech_span_s=tape.span,
        levels=meter.levels(),
        clipped_share=max(its_meter.share for its_meter in clipping),
        mix=mixed / single if single else 1.0,
        damaged_packets=file.damaged_packets,
        not_numbers=file.not_numbers,
    )


def findings(of: Measured) -> list[Finding]:
    """What is wrong with a recording, the worst first."""
    found = [finding for rule in _RULES if (finding := rule(of)) is not None]
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def _extension(of: Measured) -> Finding | None:
    expected = CONTAINERS.get(of.facts.container, ())
    if not of.suffix or of.suffix in expected:
        return None
    return Finding(
        "WRONG_EXTENSION",
        Severity.WARNING,
        f"the name ends in {of.suffix}, but the file is {of.facts.container}",
        f"Rename it: {' or '.join(expected)}.",
        mendable=True,
    )


def _cut_off(of: Measured) -> Finding | None:
    declared = of.facts.declared_s or 0.0
    missing = declared - of.duration_s
    if missing > max(_MISSING_S, _MISSING_SHARE * declared):
        seen = f"{missing:.1f} s are missing of the {declared:.1f} s that it says it has"
    elif of.facts.cut_off:
        seen = "it breaks off early"
    else:
        return None
    return Finding("AUDIO_TRUNCATED", Severity.ERROR, seen, "Copy or convert it again.", mendable=True)


def _damaged(of: Measured) -> Finding | None:
    if not of.damaged_packets:
        return None
    seen = f"damaged parts were left out ({of.damaged_packets})"
    return Finding("AUDIO_DAMAGED", Severity.ERROR, seen, "Copy or convert it again.", mendable=True)


def _not_numbers(of: Measured) -> Finding | None:
    if not of.not_numbers:
        return None
    seen = f"{of.not_numbers} samples are no numbers"
    todo = "Look at the program that wrote it."
    return Finding("AUDIO_NOT_NUMBERS", Severity.ERROR, seen, todo, mendable=True)


def _short(of: Measured) -> Finding | None:
    if of.duration_s >= LEAST_S:
        return None
    seen = f"{of.duration_s:.2f} s long"
    return Finding(
        "AUDIO_TOO_SHORT", Severity.ERROR, seen, f"Record {LEAST_SPEECH_S:.0f} s of speech or more."
    )


def _speech(of: Measured) -> Finding | None:
    if of.speech_s >= LEAST_SPEECH_S:
        return None
    todo = f"Record more: a voice is judged by {LEAST_SPEECH_S:.0f} s of speech or more."
    if of.speech_s == 0:
        return Finding("AUDIO_NO_SPEECH", Severity.ERROR, "nobody speaks", todo)
    return Finding("SPEECH_TOO_SHORT", Severity.ERROR, f"{of.speech_s:.1f} s of speech", todo)


def _channels(of: Measured) -> Finding | None:
    channels = of.facts.channels
    if channels == 1:
        return None
    if of.mix < 0.1 / channels:
        return Finding(
            "CHANNELS_CANCEL",
            Severity.ERROR,
            f"the {channels} channels cancel each other out",
            "Export one channel by itself.",
        )
    if of.mix >= _SAME_CHANNELS:
        seen = f"{channels} channels that hold the same"
        return Finding("CHANNELS_SAME", Severity.NOTE, seen, "One is enough.", mendable=True)
    return Finding(
        "CHANNELS_DIFFER",
        Severity.WARNING,
        f"{channels} different channels, judged as their mix",
        "If each party has a channel, export the one to be judged.",
    )


def _rate(of: Measured) -> Finding | None:
    seen = f"{of.facts.rate} Hz"
    if of.facts.rate < SAMPLE_RATE:
        todo = "Record at 8000 Hz or more: the upper part of the voice is missing."
        return Finding("RATE_LOW", Severity.WARNING, seen, todo)
    if of.facts.rate > WIDE_RATE:
        return Finding("RATE_HIGH", Severity.NOTE, seen, f"{WIDE_RATE} Hz are enough.", mendable=True)
    return None


def _level(of: Measured) -> Finding | None:
    active = of.levels.active_dbfs
    if active is None or not of.speech_s or QUIET_DBFS <= active <= LOUD_DBFS:
        return None
    low = active < QUIET_DBFS
    return Finding(
        "LEVEL_LOW" if low else "LEVEL_HIGH",
        Severity.WARNING,
        f"speech is at {active:.1f} dBFS",
        f"Record it {'louder' if low else 'more quietly'}.",
        mendable=True,
    )


def _clipping(of: Measured) -> Finding | None:
    if of.clipped_share < CLIPPED:
        return None
    severity = Severity.ERROR if of.clipped_share >= SPOILT_BY_CLIPPING else Severity.WARNING
    seen = f"{of.clipped_share:.1%} of the samples are cut off at the peak"
    return Finding("CLIPPED", severity, seen, "Record it more quietly; what is cut off can't be restored.")


def _noise(of: Measured) -> Finding | None:
    snr = of.levels.snr_db
    paused = of.duration_s - of.speech_s >= LEAST_PAUSES_S
    if snr is None or snr >= (NOISY_SNR_DB if paused else NOISY_UNPAUSED_DB):
        return None
    if snr < SPOILT_BY_NOISE_DB:
        seen = f"nothing stands out by more than {snr:.0f} dB: noise, a tone, or music"
        return Finding("NOISY", Severity.ERROR, seen, "Record speech, in a quieter place.")
    seen = f"speech is {snr:.0f} dB above the noise"
    return Finding("NOISY", Severity.WARNING, seen, "Record it in a quieter place.")


def _offset(of: Measured) -> Finding | None:
    if abs(of.levels.dc_offset) < OFFSET:
        return None
    seen = f"its middle is off zero by {of.levels.dc_offset:.1%} of full scale"
    return Finding("DC_OFFSET", Severity.WARNING, seen, "Look at the sound card or its cable.", mendable=True)


def _silence(of: Measured) -> Finding | None:
    if of.levels.silence_share < MOSTLY_SILENT or not of.speech_s:
        return None
    seen = f"{of.levels.silence_share:.0%} of it is silent"
    return Finding("MOSTLY_SILENT", Severity.WARNING, seen, "Cut the silence off.", mendable=True)


_RULES: Final[tuple[Callable[[Measured], Finding | None], ...]] = (
    _cut_off,
    _damaged,
    _not_numbers,
    _short,
    _channels,
    _speech,
    _clipping,
    _noise,
    _level,
    _offset,
    _silence,
    _extension,
    _rate,
)
