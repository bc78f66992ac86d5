"""All features of a recording's voice at once: values for people and programs, and the tracks behind them."""

import math
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.errors import AudioError
from callguard.voice.dsp import energy, spectral
from callguard.voice.dsp.band import whole_band
from callguard.voice.dsp.formants import COUNT, formant_track
from callguard.voice.dsp.frames import frame_blocks, frame_count, frame_times
from callguard.voice.dsp.perturbation import hnr_track, jitter, pulses, shimmer
from callguard.voice.dsp.phase import phase_coherence
from callguard.voice.dsp.pitch import PitchTrack, pitch_track, speakers_ceiling
from callguard.voice.levels import ClippingMeter

Track = NDArray[np.float64]

SHORTEST_S: Final = 0.1
LOWEST_RATE, HIGHEST_RATE = 4000, 384_000
MOST_RATE: Final = 48_000
"""Above half of it there is nothing of a voice: more is left out."""

_VOICE_RATE: Final = 16_000  # enough for pitch, cycles and five formants

_LEAST_OFFSET: Final = 0.02  # of the root mean square; a smaller one moves no feature
_ACTIVE_DB: Final = 30.0  # below the loudest frame: quieter ones are the room, and don't count in the summary
_QUIETEST_DBFS: Final = -80.0
_FEWEST_VOICED: Final = 5  # frames
_FEWEST_CYCLES: Final = 10
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """One value each 10 ms, NaN where there is none; shape (frames,), `formants_hz` (frames, 4)."""

    time_s: Track
    level_dbfs: Track
    spectral_centroid: Track
    spectral_rolloff: Track
    spectral_flatness: Track
    spectral_flux: Track
    band_energy_ratio_low: Track
    band_energy_ratio_high: Track
    phase_coherence: Track
    f0_hz: Track
    hnr_db: Track
    formants_hz: Track


@dataclass(frozen=True, slots=True, eq=False)
class VoiceFeatures:
    """What was measured, None where the recording has none of it.

    Spectral values are means over the frames no more than 30 dB below the loudest. Those of the voice itself
    are over voiced frames: the mean HNR, medians of F0 (with its 5th and 95th percentile) and of formants.
    Frequencies are in Hz, `crest_factor` in dB, rates and ratios 0 to 1, jitter and shimmer (both local) in
    percent.
    """

    duration_sec: float
    sample_rate: int
    level_dbfs: float | None
    crest_factor: float | None
    clipping_rate: float
    spectral_centroid: float | None
    spectral_rolloff: float | None
    spectral_flatness: float | None
    spectral_flux: float | None
    band_energy_ratio_low: float | None
    band_energy_ratio_high: float | None
    phase_coherence: float | None
    voiced_ratio: float
    f0_hz: float | None
    f0_low_hz: float | None
    f0_high_hz: float | None
    hnr_db: float | None
    jitter_percent: float | None
    shimmer_percent: float | None
    formant_frequencies: tuple[float | None, ...]
    tracks: Tracks

    def document(self) -> dict[str, Any]:
        """For JSON: `dsp_features` with every value by its name, and `tracks`; None, never NaN."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "tracks"}
        tracks = {field.name: getattr(self.tracks, field.name).tolist() for field in fields(self.tracks)}
        return {"dsp_features": _plain(values), "tracks": _plain(tracks)}


def features(samples: NDArray[np.floating], rate: int) -> VoiceFeatures:
    """Measures one channel, full scale 1.0, `rate` in Hz; a constant offset is left out of account.

    Pitch, cycles and formants are measured at 16 kHz at most. Raises AudioError: AUDIO_TOO_SHORT under 0.1 s,
    AUDIO_DAMAGED with values that are no numbers, AUDIO_UNSUPPORTED for a rate outside 4 to 384 kHz.
    """
    _check(samples, rate)
    level = _without_offset(np.asarray(samples, np.float64))
    whole = min(rate // 100 * 100, MOST_RATE)  # so that a hop of 10 ms is whole samples
    wide = whole_band(level, rate, whole)
    voice_rate = min(whole, _VOICE_RATE)
    voice = whole_band(wide, whole, voice_rate)
    count = min(frame_count(len(wide), whole), frame_count(len(voice), voice_rate))
    pitch = _speakers_pitch(voice, voice_rate)
    f0 = pitch.f0[:count]
    tracks = Tracks(
        time_s=frame_times(len(wide), whole)[:count],
        **{name: track[:count] for name, track in _sound_tracks(wide, whole).items()},
        f0_hz=f0,
        hnr_db=hnr_track(pitch.periodicity[:count]),
        formants_hz=formant_track(voice, voice_rate, ~np.isnan(f0)),
    )
    return VoiceFeatures(
        duration_sec=len(samples) / rate,
        sample_rate=rate,
        level_dbfs=_value(energy.decibels(energy.rms(level[None, :]))),
        crest_factor=energy.crest_factor(level),
        clipping_rate=_clipping_rate(samples),
        **_sound_summary(tracks),
        **_voice_summary(tracks),
        **_perturbation(voice, voice_rate, f0),
        tracks=tracks,
    )


def _check(samples: NDArray[np.floating], rate: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"A rate of {rate} Hz can't be measured. Resample to 8 kHz or more.", code="AUDIO_UNSUPPORTED"
        )
    if len(samples) < SHORTEST_S * rate:
        raise AudioError(
            f"{len(samples) / rate:.2f} s are too short to measure. Give at least {SHORTEST_S} s.",
            code="AUDIO_TOO_SHORT",
        )
    if not np.isfinite(samples).all():
        raise AudioError(
            "The recording holds values that are no numbers. Export it again from its source.",
            code="AUDIO_DAMAGED",
        )


def _speakers_pitch(voice: Track, rate: int) -> PitchTrack:
    """Looks twice: for any voice, then for this one."""
    first = pitch_track(voice, rate)
    heard = first.f0[~np.isnan(first.f0)]
    if len(heard) < _FEWEST_VOICED:
        return first
    return pitch_track(voice, rate, ceiling=speakers_ceiling(heard))


def _clipping_rate(samples: NDArray[np.floating]) -> float:
    meter = ClippingMeter()
    meter.feed(samples.astype(np.float32, copy=False))
    return meter.share


def _without_offset(samples: Track) -> Track:
    """A small mean is left, so that digital silence stays what it is."""
    mean = samples.mean()
    return samples - mean if abs(mean) > _LEAST_OFFSET * np.sqrt(np.mean(samples**2)) else samples


def _sound_tracks(level: Track, rate: int) -> dict[str, Track]:
    """The tracks that need no voice, by their names."""
    frequencies = spectral.bin_frequencies(rate)
    blocks = []
    for frames in frame_blocks(level, rate, spectral.window_samples(rate), overlap=2):
        spectra = spectral.complex_spectra(frames)
        magnitudes = np.abs(spectra)
        own, powers = magnitudes[2:], magnitudes[2:] ** 2
        blocks.append(
            {
                "level_dbfs": energy.decibels(energy.rms(frames[2:])),
                "spectral_centroid": spectral.centroid(own, frequencies),
                "spectral_rolloff": spectral.rolloff(own, frequencies),
                "spectral_flatness": spectral.flatness(powers),
                "spectral_flux": spectral.flux(magnitudes[1:]),
                "band_energy_ratio_low": spectral.band_share(powers, frequencies, *spectral.LOW_BAND_HZ),
                "band_energy_ratio_high": spectral.band_share(powers, frequencies, *spectral.HIGH_BAND_HZ),
                "phase_coherence": phase_coherence(spectra),
            }
        )
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _sound_summary(tracks: Tracks) -> dict[str, Any]:
    """Means over the frames that aren't the room's."""
    loudest = np.nanmax(tracks.level_dbfs, initial=-np.inf)
    active = tracks.level_dbfs > max(loudest - _ACTIVE_DB, _QUIETEST_DBFS)
    names = (
        *("spectral_centroid", "spectral_rolloff", "spectral_flatness", "spectral_flux"),
        *("band_energy_ratio_low", "band_energy_ratio_high", "phase_coherence"),
    )
    return {name: _value(getattr(tracks, name)[active]) for name in names}


def _voice_summary(tracks: Tracks) -> dict[str, Any]:
    voiced = np.flatnonzero(~np.isnan(tracks.f0_hz))
    enough = len(voiced) >= _FEWEST_VOICED
    low, middle, high = np.percentile(tracks.f0_hz[voiced], (5, 50, 95)) if enough else (np.nan,) * 3
    formants = tracks.formants_hz[voiced] if enough else np.full((1, COUNT), np.nan)
    return {
        "voiced_ratio": len(voiced) / len(tracks.f0_hz),
        "f0_hz": _value(middle),
        "f0_low_hz": _value(low),
        "f0_high_hz": _value(high),
        "hnr_db": _value(tracks.hnr_db[voiced]) if enough else None,
        "formant_frequencies": tuple(_usual(track) for track in formants.T),
    }


def _perturbation(voice: Track, rate: int, f0: Track) -> dict[str, Any]:
    """Jitter and shimmer in percent; None from so few cycles that they would be chance."""
    cycles = pulses(voice, rate, f0)
    enough = len(cycles) >= _FEWEST_CYCLES
    local = (jitter(cycles), shimmer(voice, rate, cycles)) if enough else (None, None)
    percent = [None if part is None else 100 * part for part in local]
    return dict(zip(("jitter_percent", "shimmer_percent"), percent, strict=True))


def _value(track: Track | float) -> float | None:
    """Mean of what there is, None if there is nothing."""
    there = np.atleast_1d(track)
    there = there[np.isfinite(there)]
    return float(there.mean()) if there.size else None


def _usual(track: Track) -> float | None:
    """Median of a formant, None where most frames lack it."""
    there = track[~np.isnan(track)]
    return float(np.median(there)) if 2 * there.size > track.size else None


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """For JSON: six significant digits, None for NaN."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
