"""The demo as its user runs it, and one whole call looked at closely: real audio, real recognition, real
doors.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callguard.cli.main import app
from callguard.config import Settings, load_settings
from callguard.dashboard.source import DatabaseSnapshots
from callguard.local.demo import open_demo
from callguard.local.recordings import scenarios
from tests.integration.listening.voices import always
from tests.integration.local.postgres_bench import passable_folder
from tests.integration.twilio_contract import assert_accepted

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]


def _recordings(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in {".wav", ".ulaw", ".raw", ".pcm", ".flac"}]


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    with passable_folder() as folder:
        monkeypatch.setenv("CALLGUARD_DATA_DIR", str(folder))
        yield folder


@pytest.mark.usefixtures("data_dir")
def test_the_demo_passes_with_the_scam_alerted_and_the_harmless_calls_quiet() -> None:
    ended = CliRunner().invoke(app, ["demo", "--once", "--json"])

    assert ended.exit_code == 0, ended.output
    report = json.loads(ended.stdout)
    assert report["passed"] is True
    calls = {call["scenario"]: call["report"] for call in report["calls"]}
    assert set(calls) == {scenario.name for scenario in scenarios()}
    assert calls["scam"]["alerted"] is True
    assert calls["scam"]["alert_level"] == "danger"
    assert 0 < calls["scam"]["keyword_to_alert_ms"] <= calls["scam"]["first_keyword_to_alert_ms"] <= 10_000
    assert calls["harmless-human"]["voice"]["known_voice"]["finding"] == "same"
    assert calls["cloned-relative"]["voice"]["known_voice"]["state"] == "measured"
    for scenario in scenarios():
        if scenario.expected == "quiet":
            assert calls[scenario.name]["alerted"] is False
            assert calls[scenario.name]["transcript"] != ""


async def test_one_whole_call_on_real_audio(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPFAKE_MODEL_PATH", str(always(tmp_path, 0.2)))
    scam = next(scenario for scenario in scenarios() if scenario.expected == "alert")
    async with open_demo(load_settings(_env_file=None)) as demo:
        stage = demo.stage
        assert stage.services is not None
        outcome = await demo.play(scam)
        assert outcome.as_expected, outcome.report
        transcript = outcome.report.transcript
        assert transcript.startswith("caller: ")
        assert "\ncallee: " in transcript
        assert "gift cards" in transcript

        (call,) = (await DatabaseSnapshots(stage.database)()).calls
        assert (call.status, call.verdict, call.attestation) == ("ended", "SCAM", "C")
        parts = {part.signal: part for part in call.contributions}
        assert parts["llm"].state == "not configured"
        assert parts["known_voice"].state == "not available yet"  # the officer claims to be nobody enrolled
        assert (parts["deepfake"].state, parts["deepfake"].risk) == ("measured", 20)
        assert (parts["deepfake"].speech_seconds or 0) >= 10
        assert call.speech_seconds > 8
        assert len(stage.services.streams) == 0

        assert {alert.status for alert in call.alerts if alert.level == "danger"} == {"delivered"}
        assert len(stage.stand_in.requests) >= 3
        assert_accepted(stage.stand_in.requests)
        assert list(stage.stand_in.debugger) == []
    assert _recordings(data_dir) == []
