"""Which detector a name and the settings choose, and that each stands behind the guard."""

from pathlib import Path

import numpy as np
import pytest

from callguard.config import load_settings
from callguard.errors import ConfigurationError, DetectorError
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.labels import Label, RiskLevel, label, risk_level
from callguard.voice.deepfake.port import Reason
from tests.stand_ins.voice_server import voice_server
from tests.unit.voice.networks import calibrated, network
from tests.unit.voice.recordings import voice

SERVER = {"deepfake_api_url": "https://voice.example.org", "deepfake_api_key": "the key"}


def test_the_shipped_network_judges_unless_something_is_said() -> None:
    assert Choice.of(load_settings()) == Choice("shipped") == Choice.for_calls(load_settings())


def test_a_network_that_is_set_judges_calls_and_files() -> None:
    settings = load_settings(deepfake_model_path="net.onnx")
    assert Choice.of(settings) == Choice("net.onnx") == Choice.for_calls(settings)
    assert Choice.of(settings, "shipped") == Choice("shipped")


def test_a_server_that_is_set_judges_calls_but_no_file_unless_it_is_named() -> None:
    settings = load_settings(**SERVER)
    assert Choice.of(settings) == Choice("shipped")
    named = Choice.of(settings, "remote")
    assert (named.url, named.key, named.has_fallback) == (SERVER["deepfake_api_url"], "the key", False)
    calls = Choice.for_calls(settings)
    assert (calls.name, calls.url, calls.has_fallback) == ("remote", SERVER["deepfake_api_url"], True)


def test_a_key_does_not_show_itself() -> None:
    assert "the key" not in repr(Choice.of(load_settings(**SERVER), "remote"))


def test_a_server_without_an_address_is_said() -> None:
    with pytest.raises(ConfigurationError, match="DEEPFAKE_API_URL"):
        Choice.of(load_settings(), "remote")


def test_a_network_stands_behind_the_guard(tmp_path: Path) -> None:
    detector = Choice(str(calibrated(network(tmp_path / "net.onnx")))).load()
    tone = np.sin(np.arange(32_000)).astype(np.float32)
    speech, refused = detector.score([voice(4, 1, bright=True), tone])
    assert speech.score is not None
    assert (refused.score, refused.reason) == (None, Reason.TONES)


async def test_a_server_is_not_asked_about_what_the_guard_refuses() -> None:
    async with voice_server() as server:
        detector = Choice("remote", server.url, server.key).load()
        assert [s.reason for s in detector.score([np.zeros(32_000, np.float32)])] == [Reason.SILENCE]
        assert server.requests == []


def test_a_path_that_leads_nowhere_is_said() -> None:
    with pytest.raises(DetectorError, match="can't be read"):
        Choice("nowhere.onnx").load()


@pytest.mark.parametrize(
    ("score", "named", "risk"),
    [
        (None, Label.UNCERTAIN, RiskLevel.UNSCORED),
        (0.0, Label.LIKELY_REAL, RiskLevel.LOW),
        (0.29, Label.LIKELY_REAL, RiskLevel.LOW),
        (0.3, Label.UNCERTAIN, RiskLevel.LOW),
        (0.4, Label.UNCERTAIN, RiskLevel.MEDIUM),
        (0.7, Label.UNCERTAIN, RiskLevel.HIGH),
        (0.71, Label.LIKELY_SYNTHETIC, RiskLevel.HIGH),
        (1.0, Label.LIKELY_SYNTHETIC, RiskLevel.HIGH),
    ],
)
def test_names_begin_where_the_contract_says(score: float | None, named: Label, risk: RiskLevel) -> None:
    assert (label(score), risk_level(score)) == (named, risk)
