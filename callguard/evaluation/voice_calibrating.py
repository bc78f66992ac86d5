"""The calibration of a network on a manifest, written beside it."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from callguard.errors import AudioError, DetectorError
from callguard.evaluation.voice_judging import heard
from callguard.evaluation.voice_manifest import Clip
from callguard.voice.deepfake.calibration import Isotonic, Platt, fit_isotonic, fit_platt
from callguard.voice.deepfake.guard import refusal
from callguard.voice.deepfake.onnx_file import OnnxNetwork, beside_path


class Method(StrEnum):
    """A kind of calibration curve."""

    PLATT = "platt"
    ISOTONIC = "isotonic"


def calibrate(
    clips: Iterable[Clip],
    path: Path,
    method: Method,
    *,
    masked: bool = False,
    seed: int = 0,
) -> tuple[int, int]:
    """Fits the curve to all windows that pass the guard; tells how many there were, synthetic and human.

    Raises DetectorError where no curve can be fitted, or the file beside the network can't be written.
    """
    network = OnnxNetwork(path)
    raw: dict[bool, list[float]] = {True: [], False: []}
    for clip in clips:
        try:
            _, windows = heard(clip, masked=masked, seed=seed)
        except AudioError:
            continue  # the evaluation counts it
        passed = [window.samples for window in windows if refusal(window.samples) is None]
        raw[clip.is_synthetic] += network.raw(passed)
    try:
        curve = (fit_platt if method is Method.PLATT else fit_isotonic)(raw[True], raw[False])
    except ValueError as error:
        raise DetectorError(
            f"{path.name} can't be calibrated: {error}.", code="DETECTOR_CALIBRATION"
        ) from None
    windows_of = len(raw[True]), len(raw[False])
    beside = msgspec.structs.replace(
        network.beside,
        network=network.digest,
        windows=windows_of,
        platt=curve if isinstance(curve, Platt) else None,
        isotonic=curve if isinstance(curve, Isotonic) else None,
    )
    try:
        beside_path(path).write_bytes(msgspec.json.format(msgspec.json.encode(beside)))
    except OSError as error:
        raise DetectorError(
            f"The calibration can't be written ({type(error).__name__}): {beside_path(path)}",
            code="DETECTOR_CALIBRATION",
        ) from None
    return windows_of
