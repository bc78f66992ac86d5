"""What a telephone line does to a voice, made up: for training, and for tests.

Samples are float32 at 8 kHz between -1 and 1, and so is what comes out, as long as it went in. Chance comes
from a numpy Generator alone: the same seed, the same line. Steps come in the order in which a call meets
them: noise where the speaker is, the band, the level, an overdriven amplifier, codecs, lost packets, G.711.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import FRAME_MS, SAMPLE_RATE, mulaw_decode, mulaw_encode
from callguard.voice.codecs import alaw_decode, alaw_encode, bounded, from_pcm, to_pcm
from callguard.voice.levels import NOMINAL_DBFS, gain, levels
from callguard.voice.line_codecs import Coding, available, coded

_PACKET: Final = SAMPLE_RATE * FRAME_MS // 1000
_CONCEALED_PACKETS: Final = 3  # in a row, until there is silence
_EDGE_HZ: Final = 100.0
_DB_AN_OCTAVE: Final = 6.02


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets of 20 ms that don't arrive.

    share: of all, 0 to 1. burst: how many in a row at the mean (Gilbert's model; 1 is each by itself).
    concealed: what was heard before is repeated, fading over 60 ms; else there is silence.
    """

    share: float
    burst: float = 1.0
    concealed: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line. What is None or empty doesn't happen.

    band_hz: lowest and highest frequency that pass. level_dbfs: active speech level. snr_db: of added noise
    against the active level. tilt_db: of the noise, per octave (0 white, -3 pink, -6 brown). overdrive_db: by
    how much the peaks are too loud for an amplifier. alaw: A-law at the end, instead of mu-law.
    """

    band_hz: tuple[float, float] | None = (300.0, 3400.0)
    level_dbfs: float | None = NOMINAL_DBFS
    snr_db: float | None = None
    tilt_db: float = 0.0
    overdrive_db: float = 0.0
    codings: tuple[Coding, ...] = ()
    loss: Loss | None = None
    alaw: bool = False


def through(samples: NDArray[np.float32], line: Line, rng: np.random.Generator) -> NDArray[np.float32]:
    """The samples as they come out of the line. Raises AudioError where a codec isn't there."""
    heard = bounded(samples)
    if line.snr_db is not None:
        heard = with_noise(heard, line.snr_db, rng, tilt_db=line.tilt_db)
    if line.band_hz is not None:
        heard = band_limited(heard, *line.band_hz)
    if line.level_dbfs is not None:
        heard = at_level(heard, line.level_dbfs)
    if line.overdrive_db > 0:
        heard = overdriven(heard, line.overdrive_db)
    for coding in line.codings:
        heard = coded(heard, coding)
    if line.loss is not None:
        heard = with_loss(heard, line.loss, rng)
    return companded(heard, alaw=line.alaw)


def any_line(rng: np.random.Generator) -> Line:
    """A line as telephone networks have them, drawn by chance; codecs that aren't there aren't drawn."""
    codings = sorted(available())
    return Line(
        band_hz=(float(rng.uniform(50, 350)), float(rng.uniform(3200, 3900))),
        level_dbfs=float(rng.uniform(-36, -16)),
        snr_db=float(rng.uniform(8, 45)) if rng.random() < 0.7 else None,
        tilt_db=float(rng.uniform(-6, 0)),
        overdrive_db=float(rng.uniform(1, 10)) if rng.random() < 0.1 else 0.0,
        codings=tuple(
            codings[at] for at in rng.integers(len(codings), size=rng.choice(3, p=(0.4, 0.5, 0.1)))
        ),
        loss=Loss(float(rng.uniform(0.005, 0.08)), float(rng.uniform(1, 3)), bool(rng.random() < 0.8))
        if rng.random() < 0.3
        else None,
        alaw=bool(rng.random() < 0.3),
    )


def band_limited(samples: NDArray[np.float32], lowest: float, highest: float) -> NDArray[np.float32]:
    """Without what lies outside these frequencies (Hz), with edges of 100 Hz and no delay."""

    def curve(hertz: NDArray[np.floating]) -> NDArray[np.floating]:
        inside = np.minimum(hertz - lowest, highest - hertz) / _EDGE_HZ + 0.5
        edges: NDArray[np.floating] = np.sin(np.pi / 2 * np.clip(inside, 0, 1)) ** 2
        return edges

    return _shaped(samples, curve)


def with_noise(
    samples: NDArray[np.float32], snr_db: float, rng: np.random.Generator, *, tilt_db: float = 0.0
) -> NDArray[np.float32]:
    """With noise that is `snr_db` below the active speech level; where nobody speaks, below a line's."""
    noise = _shaped(
        rng.standard_normal(len(samples)).astype(np.float32),
        lambda hertz: (np.maximum(hertz, 50.0) / 1000) ** (tilt_db / _DB_AN_OCTAVE),
    )
    speech = levels(samples, SAMPLE_RATE).active_dbfs or NOMINAL_DBFS
    return samples + gain(noise, speech - snr_db - levels(noise, SAMPLE_RATE).rms_dbfs)


def at_level(samples: NDArray[np.float32], level_dbfs: float) -> NDArray[np.float32]:
    """At another active speech level. Silence stays as it is."""
    active = levels(samples, SAMPLE_RATE).active_dbfs
    return samples if active is None else gain(samples, level_dbfs - active)


def overdriven(samples: NDArray[np.float32], by_db: float) -> NDArray[np.float32]:
    """With its peaks cut off `by_db` below the highest."""
    limit = np.max(np.abs(samples), initial=0) * np.float32(10 ** (-by_db / 20))
    return samples.clip(-limit, limit)


def with_loss(samples: NDArray[np.float32], loss: Loss, rng: np.random.Generator) -> NDArray[np.float32]:
    """With packets missing, concealed or not."""
    packets = np.pad(samples, (0, -len(samples) % _PACKET)).reshape(-1, _PACKET)
    steps = np.arange(len(packets))
    arrived = ~_lost(len(packets), loss, rng)
    last = np.maximum.accumulate(np.where(arrived, steps, -1))
    loudness = np.where(last < 0, 0.0, np.maximum(0, 1 - (steps - last) / _CONCEALED_PACKETS))
    loudness = loudness if loss.concealed else arrived
    heard = packets[np.maximum(last, 0)] * loudness[:, np.newaxis].astype(np.float32)
    return heard.reshape(-1)[: len(samples)]


def companded(samples: NDArray[np.float32], *, alaw: bool = False) -> NDArray[np.float32]:
    """Through G.711 and back: mu-law, or A-law."""
    pcm = to_pcm(samples)
    return from_pcm(alaw_decode(alaw_encode(pcm)) if alaw else mulaw_decode(mulaw_encode(pcm)))


def _lost(packets: int, loss: Loss, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Gilbert's model: stretches of lost and of arriving packets take turns, of geometric lengths."""
    if not 0 <= loss.share < 1 or loss.burst < 1:
        raise ValueError("a loss has a share from 0 to less than 1, and bursts of 1 packet or more")
    if loss.share == 0:
        return np.zeros(packets, np.bool_)
    between = max(1.0, loss.burst * (1 - loss.share) / loss.share)
    turns = rng.geometric([[1 / between, 1 / loss.burst]], (packets + 1, 2)).reshape(-1)
    return np.repeat(np.arange(len(turns)) % 2 == 1, turns)[:packets]


def _shaped(
    samples: NDArray[np.float32], curve: Callable[[NDArray[np.floating]], NDArray[np.floating]]
) -> NDArray[np.float32]:
    """The samples with another spectrum; what rings at one end doesn't come in at the other."""
    size = 1 << (len(samples) + SAMPLE_RATE // 10).bit_length()
    spectrum = np.fft.rfft(samples, size)
    spectrum *= curve(np.fft.rfftfreq(size, 1 / SAMPLE_RATE)).astype(np.float32)
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32, copy=False)
