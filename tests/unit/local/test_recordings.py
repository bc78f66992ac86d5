"""Recordings: any WAV in, telephone audio out; the demo's own are what their papers say."""

import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE, mulaw_decode
from callguard.errors import AudioError
from callguard.local.recordings import AUDIO_FOLDER, Scenario, load_mulaw, load_samples, scenarios
from callguard.voice.resampling import resample

PCM, FLOAT, ALAW, MULAW = 1, 3, 6, 7


def wav(
    data: bytes, encoding: int, bits: int, *, rate: int = 8000, channels: int = 1, extra: bytes = b""
) -> bytes:
    block = channels * bits // 8
    header = struct.pack("<HHIIHH", encoding, channels, rate, rate * block, block, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def tone(rate: int, seconds: float = 0.5, hertz: float = 1000) -> NDArray[np.float64]:
    wave: NDArray[np.float64] = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    return wave


def encoded(samples: NDArray[np.float64], encoding: int, bits: int) -> bytes:
    if encoding == FLOAT:
        return samples.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (samples * 127 + 128).astype(np.uint8).tobytes()
    whole: NDArray[np.int32] = np.rint(samples * (2 ** (bits - 1) - 1)).astype(np.int32)
    return whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "recording.wav"
    path.write_bytes(content)
    return path


def assert_is_the_tone(mulaw: bytes, *, within: float) -> None:
    expected = tone(SAMPLE_RATE)
    heard = mulaw_decode(mulaw) / 32768
    assert len(heard) == len(expected)
    inner = slice(100, -100)  # a resampler has no past at the start and no future at the end
    assert np.abs(heard - expected)[inner].max() < within


@pytest.mark.parametrize(
    ("encoding", "bits"), [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)]
)
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_linear_encodings_at_any_rate_become_telephone_audio(
    tmp_path: Path, encoding: int, bits: int, rate: int
) -> None:
    path = written(tmp_path, wav(encoded(tone(rate), encoding, bits), encoding, bits, rate=rate))
    assert_is_the_tone(load_mulaw(path), within=0.03)


def test_mulaw_at_8_khz_passes_untouched(tmp_path: Path) -> None:
    every_code = bytes(range(256))
    assert load_mulaw(written(tmp_path, wav(every_code, MULAW, 8))) == every_code


def test_alaw_is_decoded_by_the_standards_table(tmp_path: Path) -> None:
    # Table 1a's values y1, -y1, y2, y17, y81, y128 and -y128, in steps of 8 of 16 bits.
    codes = bytes([0xD5, 0x55, 0xD4, 0xC5, 0x85, 0xAA, 0x2A])
    samples, _ = load_samples(written(tmp_path, wav(codes, ALAW, 8)))
    assert (samples * 32768).tolist() == [8, -8, 24, 264, 4224, 32256, -32256]


def test_channels_are_mixed_down(tmp_path: Path) -> None:
    stereo = np.stack([tone(8000), -tone(8000)], axis=1).reshape(-1)
    mulaw = load_mulaw(written(tmp_path, wav(encoded(stereo, PCM, 16), PCM, 16, channels=2)))
    assert np.abs(mulaw_decode(mulaw)).max() == 0


def test_extensible_headers_name_their_encoding_further_down(tmp_path: Path) -> None:
    extra = struct.pack("<HHIH14s", 22, 24, 4, PCM, b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71")
    path = written(tmp_path, wav(encoded(tone(8000), PCM, 24), 0xFFFE, 24, extra=extra))
    assert_is_the_tone(load_mulaw(path), within=0.03)


def test_other_chunks_and_a_last_half_sample_are_passed_over(tmp_path: Path) -> None:
    content = wav(encoded(tone(8000), PCM, 16) + b"\x01", PCM, 16)
    content = content[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + content[12:]
    assert_is_the_tone(load_mulaw(written(tmp_path, content)), within=0.03)


def test_a_size_left_open_by_a_pipe_means_to_the_end(tmp_path: Path) -> None:
    content = wav(encoded(tone(8000), PCM, 16), PCM, 16)
    content = content[:40] + b"\xff\xff\xff\xff" + content[44:]
    assert_is_the_tone(load_mulaw(written(tmp_path, content)), within=0.03)


def test_loud_floats_and_not_a_numbers_are_tamed(tmp_path: Path) -> None:
    samples = np.array([4.0, -4.0, np.nan])
    heard = mulaw_decode(load_mulaw(written(tmp_path, wav(encoded(samples, FLOAT, 32), FLOAT, 32))))
    assert heard.tolist() == [32124, -32124, 0]


GOOD = wav(encoded(tone(8000), PCM, 16), PCM, 16)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "AUDIO_NOT_WAV"),
        (b"ID3\x04 this is something else", "AUDIO_NOT_WAV"),
        (b"RIFF\x04\0\0\0AVI ", "AUDIO_NOT_WAV"),
        (GOOD[:12], "AUDIO_TRUNCATED"),
        (GOOD[:30], "AUDIO_TRUNCATED"),
        (GOOD[:-2], "AUDIO_TRUNCATED"),
        (GOOD[:12] + GOOD[36:], "AUDIO_TRUNCATED"),
        (wav(b"", PCM, 16), "AUDIO_EMPTY"),
        (wav(b"\0", PCM, 16), "AUDIO_EMPTY"),
        (wav(b"\0" * 100, 0x11, 4), "AUDIO_UNSUPPORTED"),
        (wav(b"\0" * 100, PCM, 12), "AUDIO_UNSUPPORTED"),
        (wav(b"\0" * 100, PCM, 16, channels=0), "AUDIO_UNSUPPORTED"),
        (wav(b"\0" * 100, PCM, 16, rate=0), "AUDIO_UNSUPPORTED"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_reason(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(AudioError) as refused:
        load_mulaw(written(tmp_path, content))
    assert refused.value.code == code


def test_a_missing_recording_is_refused_without_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "grandmother.wav", tmp_path):
        with pytest.raises(AudioError) as refused:
            load_mulaw(path)
        assert refused.value.code == "AUDIO_NOT_FOUND"
        assert "grandmother" not in str(refused.value)


@given(st.binary(max_size=80).map(lambda noise: GOOD[:12] + noise) | st.binary(max_size=40))
def test_no_content_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), content)
    try:
        assert load_mulaw(path)
    except AudioError as error:
        assert error.code.startswith("AUDIO_")  # noqa: PT017


@pytest.mark.parametrize("rate", [16000, 44100])
def test_resampling_keeps_out_what_the_line_cant_carry(rate: int) -> None:
    aliased = resample(tone(rate, hertz=5000), rate, SAMPLE_RATE)
    assert np.abs(aliased[200:-200]).max() < 1e-4


def test_there_is_a_scam_and_two_harmless_calls() -> None:
    calls = {scenario.name: scenario for scenario in scenarios()}
    assert {name: call.expected for name, call in calls.items()} == {
        "scam": "alert",
        "harmless-family": "quiet",
        "harmless-human": "quiet",
    }
    assert all(call.from_number.startswith("+120255501") and call.language == "en" for call in calls.values())
    assert {call.stir for call in calls.values()} <= {"A", "B", "C", "none"}


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_only_one_speaks_at_a_time_and_both_are_as_loud_as_a_line_carries(scenario: Scenario) -> None:
    caller, callee = (mulaw_decode(load_mulaw(path)) / 32768 for path in (scenario.caller, scenario.callee))
    assert len(caller) == len(callee)
    assert not np.any((caller != 0) & (callee != 0))
    for track in (caller, callee):
        frames = track[: len(track) // 160 * 160].reshape(-1, 160)
        power = np.mean(frames**2, axis=1)
        level = 10 * np.log10(np.mean(power[power > power.max() / 3000]))
        assert -22 < level < -18


def test_the_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in AUDIO_FOLDER.glob("*.wav")) < 1_500_000


def test_the_papers_name_every_file_and_every_word() -> None:
    papers = (AUDIO_FOLDER / "README.md").read_text(encoding="utf-8")
    for scenario in scenarios():
        assert f"`{scenario.caller.name}`" in papers
        assert f"`{scenario.callee.name}`" in papers
        places = [papers.index(f"* {turn.speaker}: {turn.text}\n") for turn in scenario.turns]
        assert all(first < second for first, second in pairwise(places))
    listed = {path.name for scenario in scenarios() for path in (scenario.caller, scenario.callee)}
    assert {path.name for path in AUDIO_FOLDER.glob("*.wav")} == listed
