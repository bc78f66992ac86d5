"""Many recordings in processes: one that takes its process with it is one row, and the run goes on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callguard.cli.voice_batch import Row, in_processes, rows_as_csv
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.labels import Label, RiskLevel
from callguard.voice.deepfake.port import Detector, WindowScore
from tests.unit.voice.recordings import recording

BRIGHT = 1.5


class Deadly:
    """Ends its process over a bright voice, as a decoder with a fault would; dull ones score 0.1."""

    version = "deadly 1"

    def score(self, windows: Sequence[NDArray[np.float32]]) -> list[WindowScore]:
        for window in windows:
            if np.mean(np.diff(window) ** 2) > BRIGHT * np.mean(window**2):
                os._exit(9)
        return [WindowScore(0.1, None, len(window) / 8000) for window in windows]


@dataclass(frozen=True, slots=True)
class DeadlyChoice(Choice):
    def load(self) -> Detector:
        return Deadly()


def test_a_recording_that_kills_its_process_is_found_and_told(tmp_path: Path) -> None:
    files = [recording(tmp_path / f"{seed}.wav", 4.5, seed, bright=seed == 1) for seed in range(3)]
    rows = {row.call_id: row for row in in_processes(files, DeadlyChoice(), 1)}
    assert {name: row.risk_level for name, row in rows.items()} == {
        "0": RiskLevel.LOW,
        "1": RiskLevel.ERROR,
        "2": RiskLevel.LOW,
    }
    assert rows["1"].error == "Its process died over it."
    assert rows["1"].error_code == "AUDIO_UNREADABLE"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_spreadsheet_computes_nothing_from_a_name(name: str) -> None:
    row = Row(name, f"/calls/{name}.wav", 0.5, Label.UNCERTAIN, RiskLevel.MEDIUM, "2026-01-01T00:00:00+00:00")
    heading, told = rows_as_csv([row]).splitlines()
    assert heading.startswith("call_id,file_path,score,label,risk_level,timestamp")
    assert told.startswith(f"'{name},/calls/{name}.wav,0.5,uncertain,MEDIUM,")
