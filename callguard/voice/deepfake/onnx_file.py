"""Any ONNX network as a detector, by its path. docs/voice-detectors.md says it with examples.

Input, one, of whatever name: float32 [batch, samples], a window of speech a row, mono, full scale 1.0. A
batch of 1 or any; a fixed number of samples is met by repeating the window and cutting it (as is usual since
ASVspoof 2019), any other way by its 24 000 to 32 000 samples at 8 kHz, twice as many at 16 kHz.

Output, the first: float32 [batch] or [batch, 1], any number that rises with synthesis; or [batch, 2], logits
of two classes. Whichever: the calibration beside the network turns it into a probability.

`FILE.onnx.json`, beside it, written by `callguard evaluate voice --calibrate platt` or `isotonic`:
    {"sample_rate": 8000, "synthetic_class": 1, "network": "<SHA-256>", "windows": [synthetic, human],
     "platt": {"slope": …, "offset": …}}    or   "isotonic": {"raw": […], "probabilities": […]}
The first two are the operator's to set, and may stand there alone before calibration.
"""

import hashlib
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callguard.errors import DetectorError
from callguard.voice.deepfake.calibration import Isotonic, Platt
from callguard.voice.deepfake.port import Reason, WindowScore
from callguard.voice.resampling import resample

RATE: Final = 8000
BATCH: Final = 16
Samples = NDArray[np.float32]


class Beside(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file beside a network."""

    sample_rate: Literal[8000, 16000] = 8000
    synthetic_class: Literal[0, 1] = 1
    network: str | None = None
    windows: tuple[int, int] | None = None
    platt: Platt | None = None
    isotonic: Isotonic | None = None

    def __post_init__(self) -> None:
        if self.isotonic is not None:
            x, p = self.isotonic.raw, self.isotonic.probabilities
            if len(x) != len(p) or len(x) < 2 or list(x) != sorted(set(x)) or list(p) != sorted(p):
                raise ValueError("`isotonic` must rise, with as many probabilities as raw scores")
            if not 0 <= p[0] <= p[-1] <= 1:
                raise ValueError("a probability lies between 0 and 1")

    @property
    def curve(self) -> Platt | Isotonic | None:
        return self.platt or self.isotonic


class OnnxNetwork:
    """A network that says something of each window, not yet a probability. Raises DetectorError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.beside = _beside(path)
        self.digest = _digest(path)
        self._session = _session(path)
        self._input, self._batch, self._samples = _checked_input(self._session, path)

    def raw(self, windows: Sequence[Samples]) -> list[float]:
        """A number for each window, higher for synthesis; NaN where the network gave none."""
        found: list[float] = []
        for _, alike in groupby((self._shaped(window) for window in windows), key=len):
            while rows := list(islice(alike, self._batch)):
                found += self._run(np.stack(rows))
        return found

    def _shaped(self, window: Samples) -> Samples:
        rate = self.beside.sample_rate
        heard = window if rate == RATE else resample(window, RATE, rate)
        length = self._samples or len(heard)
        return np.resize(heard, length).astype(np.float32)

    def _run(self, rows: Samples) -> list[float]:
        try:
            told = np.asarray(self._session.run(None, {self._input: rows})[0], float)
        except Exception as error:  # noqa: BLE001  # whatever a stranger's network raises within the runtime
            raise DetectorError(
                f"{self.path.name} failed on a window ({type(error).__name__}). It must take float32 "
                f"[batch, samples], here {list(rows.shape)}.",
                code="DETECTOR_FAILED",
            ) from None
        if told.shape == (len(rows), 2):
            synthetic = self.beside.synthetic_class
            told = told[:, synthetic] - told[:, 1 - synthetic]
        if told.size != len(rows):
            raise DetectorError(
                f"{self.path.name} answers {list(told.shape)} to {len(rows)} windows. Its first output must "
                "be [batch], [batch, 1] or [batch, 2].",
                code="DETECTOR_SHAPE",
            )
        return [float(value) if np.isfinite(value) else float("nan") for value in told.ravel()]


class OnnxDetector:
    """A network with its calibration. Raises DetectorError where it has none, or that of another network."""

    def __init__(self, path: Path) -> None:
        self._network = OnnxNetwork(path)
        beside, digest = self._network.beside, self._network.digest
        if beside.curve is None:
            raise DetectorError(
                f"{path.name} is not calibrated, so its numbers are no probabilities. Run `callguard "
                "evaluate voice MANIFEST.csv --detector FILE.onnx --calibrate platt` first.",
                code="DETECTOR_UNCALIBRATED",
            )
        if beside.network != digest:
            raise DetectorError(
                f"The calibration beside {path.name} is of another network. Calibrate it anew.",
                code="DETECTOR_UNCALIBRATED",
            )
        self._curve = beside.curve
        self.version = f"onnx {digest[:8]} {hashlib.sha256(msgspec.json.encode(beside)).hexdigest()[:8]}"

    def score(self, windows: Sequence[Samples]) -> list[WindowScore]:
        raw = np.array(self._network.raw(windows))
        told = zip(windows, raw, self._curve.probability(raw), strict=True)
        return [
            WindowScore(None, Reason.UNAVAILABLE, len(window) / RATE)
            if np.isnan(value)
            else WindowScore(float(probability), None, len(window) / RATE)
            for window, value, probability in told
        ]


def beside_path(network: Path) -> Path:
    """Where the calibration of a network stands."""
    return network.with_name(f"{network.name}.json")


def _beside(network: Path) -> Beside:
    path = beside_path(network)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Beside) if path.exists() else Beside()
    except (OSError, msgspec.DecodeError) as error:
        raise DetectorError(
            f"{path.name} can't be used: {error}. Calibrate the network anew.", code="DETECTOR_CALIBRATION"
        ) from None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DetectorError(
            f"The network {path} can't be read ({type(error).__name__}). Give the path of an ONNX file.",
            code="DETECTOR_NOT_FOUND",
        ) from None


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # fatal: what is wrong is said by the error below
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  # the runtime's errors share no class of their own
        raise DetectorError(
            f"{path.name} is no ONNX network that can be run here ({type(error).__name__}).",
            code="DETECTOR_UNREADABLE",
        ) from None


def _checked_input(session: onnxruntime.InferenceSession, path: Path) -> tuple[str, int, int | None]:
    """The input's name, how many windows it takes at once, and how many samples where that is fixed."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
        told = ", ".join(f"{each.type} {each.shape}" for each in inputs)
        raise DetectorError(
            f"{path.name} takes {told}. It must have one input: float32 [batch, samples].",
            code="DETECTOR_SHAPE",
        )
    batch, samples = inputs[0].shape
    if batch in (0, 1) or not isinstance(batch, int):
        return inputs[0].name, 1 if batch == 1 else BATCH, samples if isinstance(samples, int) else None
    raise DetectorError(
        f"{path.name} takes {batch} windows at once. Export it with a batch of 1, or of any size.",
        code="DETECTOR_SHAPE",
    )
