"""Audio files of any kind, sound and damaged."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.errors import AudioError
from callguard.voice.codecs import to_pcm
from callguard.voice.files import CONTAINERS, AudioFacts, opened, read, write_wav
from tests.unit.voice.sounds import RATE, silence, speech, tone
from tests.unit.voice.wav_files import float_wav, wav

SPOKEN = speech(3)


def encoded(samples: NDArray[np.float32], container: str, encoder: str, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as written:
        stream: Any = written.add_stream(encoder, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(to_pcm(samples)[np.newaxis], "s16", "mono")
        frame.sample_rate = rate
        fitting = av.AudioResampler(stream.format, "mono", rate, stream.codec_context.frame_size or None)
        for each in [*fitting.resample(frame), *fitting.resample(None)]:
            written.mux(stream.encode(each))
        written.mux(stream.encode(None))
    return file.getvalue()


SHORT = {
    "wav": wav(SPOKEN[:8000]),
    "flac": encoded(SPOKEN[:8000], "flac", "flac"),
    "ogg": encoded(SPOKEN[:8000], "ogg", "libopus"),
    "mp3": encoded(SPOKEN[:8000], "mp3", "libmp3lame"),
}


def taken(content: bytes) -> tuple[NDArray[np.float32], AudioFacts, int, int]:
    with opened(io.BytesIO(content)) as file:
        samples = np.concatenate([np.empty(0, np.float32), *file.mono(RATE)])
        return samples, file.facts, file.damaged_packets, file.not_numbers


@pytest.mark.parametrize(
    ("container", "encoder", "rate", "difference"),
    [
        ("wav", "pcm_s16le", 8000, 1e-4),
        ("wav", "pcm_s24le", 48_000, 1e-3),
        ("wav", "pcm_f64le", 8000, 1e-4),
        ("wav", "pcm_u8", 8000, 0.01),
        ("wav", "pcm_mulaw", 8000, 0.02),
        ("aiff", "pcm_s16be", 22_050, 1e-3),
        ("flac", "flac", 16_000, 1e-3),
        ("mp3", "libmp3lame", 44_100, 0.05),
        ("ogg", "libopus", 48_000, 0.1),
        ("mov", "aac", 44_100, 0.1),
        ("matroska", "libopus", 48_000, 0.1),
        ("amr", "libopencore_amrnb", 8000, 0.5),
    ],
)
def test_files_of_many_kinds_are_read(container: str, encoder: str, rate: int, difference: float) -> None:
    original = tone(2, 500)
    content = encoded(tone(2 * rate / RATE, 500 * RATE / rate), container, encoder, rate)
    samples, facts, damaged, not_numbers = taken(content)

    assert (facts.container, facts.rate, facts.channels) == (container, rate, 1)
    assert facts.size_bytes == len(content)
    assert (damaged, not_numbers, facts.cut_off) == (0, 0, False)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(len(original), abs=0.1 * RATE)
    middle = samples[4000:8000]
    assert np.abs(middle).max() == pytest.approx(0.3, abs=difference)
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings == pytest.approx(500, abs=5)


def test_eight_channels_at_192_khz_become_one() -> None:
    wide = np.stack([tone(12, 20 * (channel + 1), 0.1) for channel in range(8)], axis=1)
    with opened(io.BytesIO(wav(wide, 192_000))) as file:
        (block,) = file.blocks()

    assert block.shape == (96_000, 8)
    assert np.allclose(block, wide, atol=1e-4)
    samples, facts = read(io.BytesIO(wav(wide, 192_000)))
    assert (facts.rate, facts.channels, len(samples)) == (192_000, 8, 4000)


def test_blocks_are_as_long_as_asked_and_lose_nothing() -> None:
    with opened(io.BytesIO(wav(SPOKEN))) as file:
        blocks = list(file.blocks(0.7))

    assert [len(block) for block in blocks] == [5600] * 4 + [1600]
    assert np.allclose(np.concatenate(blocks)[:, 0], SPOKEN, atol=1e-4)


def test_blocks_of_many_channels_are_shorter() -> None:
    with opened(io.BytesIO(wav(np.zeros((70_000, 64)), 384_000))) as file:
        assert [len(block) for block in file.blocks()] == [65_536, 4464]


def test_a_piece_at_another_rate_is_left_out_as_damaged() -> None:
    content = encoded(SPOKEN, "mp3", "libmp3lame", 8000) + encoded(SPOKEN, "mp3", "libmp3lame", 16_000)
    samples, _, damaged, _ = taken(content)

    assert damaged > 10
    assert 1.2 * RATE < len(samples) < 3.2 * RATE


def test_what_is_no_number_is_silence_and_counted() -> None:
    odd = SPOKEN.copy()
    odd[100:110], odd[200], odd[300], odd[400] = np.nan, np.inf, -np.inf, 1e30
    samples, _, _, not_numbers = taken(float_wav(odd))

    assert not_numbers == 12
    assert samples[100:110].tolist() == [0] * 10
    assert samples[[200, 300, 400]].tolist() == [1, -1, 1]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "AUDIO_EMPTY"),
        (b"hello " * 1000, "AUDIO_UNREADABLE"),
        (b"RIFF", "AUDIO_UNREADABLE"),
        (wav(SPOKEN)[:44], "AUDIO_EMPTY"),
        (wav(silence(0)), "AUDIO_EMPTY"),
        (wav(SPOKEN, 500), "AUDIO_UNSUPPORTED"),
        (wav(SPOKEN, 500_000), "AUDIO_UNSUPPORTED"),
    ],
)
def test_what_holds_no_sound_is_refused_with_its_reason(content: bytes, code: str) -> None:
    with pytest.raises(AudioError) as refused:
        read(io.BytesIO(content))

    assert refused.value.code == code


def test_a_missing_file_is_refused_without_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "grandmother.wav", tmp_path):
        with pytest.raises(AudioError) as refused:
            read(path)
        assert refused.value.code == "AUDIO_NOT_FOUND"
        assert path.name not in str(refused.value)


def test_a_playlist_does_not_open_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(SPOKEN))
    lists = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "list.wav": f"ffconcat version 1.0\nfile '{secret.name}'\n",
    }
    for name, content in lists.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(AudioError, match="AUDIO_UNREADABLE"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [wav(SPOKEN), encoded(SPOKEN, "ogg", "libopus", 8000), encoded(SPOKEN, "aiff", "pcm_s16be")],
    ids=["wav", "ogg", "aiff"],
)
def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(content: bytes) -> None:
    whole, facts, _, _ = taken(content)
    part, cut, _, _ = taken(content[: len(content) * 6 // 10])

    assert (facts.cut_off, cut.cut_off) == (False, True)
    assert 0.3 * len(whole) < len(part) < 0.7 * len(whole)


@pytest.mark.parametrize(
    ("container", "encoder"), [("flac", "flac"), ("mp3", "libmp3lame"), ("ogg", "libopus")]
)
def test_damage_is_counted_or_missed_in_the_length(container: str, encoder: str) -> None:
    content = bytearray(encoded(SPOKEN, container, encoder))
    middle = slice(len(content) // 2, len(content) // 2 + 400)
    content[middle] = bytes((7 * byte + 13) % 256 for byte in content[middle])
    samples, facts, damaged, _ = taken(bytes(content))

    assert facts.declared_s is not None
    assert damaged or len(samples) / RATE < facts.declared_s - 0.1
    assert len(samples) > 0.5 * len(SPOKEN)


@given(st.binary(max_size=300), st.integers(0, 5000), st.sampled_from(["wav", "flac", "ogg", "mp3"]))
@settings(deadline=None, max_examples=60)
def test_no_content_breaks_the_reader(noise: bytes, at: int, kind: str) -> None:
    content = SHORT[kind][:at] + noise + SHORT[kind][at + len(noise) :]
    try:
        samples, _ = read(io.BytesIO(content))
    except AudioError as error:
        assert error.code.startswith("AUDIO_")  # noqa: PT017
    else:
        assert np.isfinite(samples).all()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    write_wav(path, RATE, np.split(SPOKEN, 3))
    samples, facts = read(path)

    assert (facts.encoding, facts.rate, facts.channels, facts.cut_off) == ("pcm_s16le", RATE, 1, False)
    assert np.allclose(samples, SPOKEN, atol=1e-4)
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(b"kept")
    for wrong in (path, tmp_path / "nowhere" / "voice.wav"):
        with pytest.raises(AudioError, match="AUDIO_NOT_WRITTEN"):
            write_wav(wrong, RATE, [SPOKEN])

    assert path.read_bytes() == b"kept"


def test_a_file_that_was_not_finished_does_not_stay(tmp_path: Path) -> None:
    def torn() -> Any:
        yield SPOKEN
        raise AudioError("The source ended.")

    with pytest.raises(AudioError, match="The source ended"):
        write_wav(tmp_path / "voice.wav", RATE, torn())

    assert list(tmp_path.iterdir()) == []


def test_each_kind_of_file_has_its_extensions() -> None:
    suffixes = [suffix for kind in CONTAINERS.values() for suffix in kind]

    assert len(suffixes) == len(set(suffixes))
    assert all(suffix.startswith(".") for suffix in suffixes)
