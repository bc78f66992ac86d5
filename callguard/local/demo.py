"""The demo: a family's calls on real audio through the real doors, and whether they were judged rightly."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from pydantic import SecretStr

from callguard.config import DEFAULT_PORT, Settings
from callguard.errors import ConfigurationError
from callguard.local.family import CAROL, DEMO_FAMILY, be_known
from callguard.local.recordings import Scenario, load_mulaw, scenarios
from callguard.local.simulation import CallReport, Ring
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import AudioConversation
from callguard.server import bind
from callguard.speech.recogniser import WhisperFactory
from callguard.trust.keys import KEY_BYTES
from callguard.voice.speaker import model
from callguard.voiceprints.book import Voiceprints
from callguard.voiceprints.keyring import keyring

ALERT_SECONDS = 10.0
BETWEEN_CALLS_SECONDS = 1.0


class CallOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A call, what was expected of it, and whether that happened."""

    scenario: str
    expected: str
    as_expected: bool
    report: CallReport


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """The demo as a whole: `passed` if the scam alerted within ALERT_SECONDS and no harmless call did."""

    passed: bool
    calls: list[CallOutcome]


@dataclass(slots=True)
class Demo:
    """A running demo. `figures` fills as calls end: call SID to milliseconds from keyword to alert."""

    stage: Stage
    figures: dict[str, float] = field(default_factory=dict)

    async def run(self) -> DemoReport:
        """Plays every scenario, one call after the other. Raises SimulationError."""
        outcomes: list[CallOutcome] = []
        for scenario in scenarios():
            outcomes.append(await self.play(scenario))
            await asyncio.sleep(BETWEEN_CALLS_SECONDS)
        return DemoReport(passed=all(o.as_expected for o in outcomes), calls=outcomes)

    def messages(self) -> list[tuple[str, str]]:
        """What the relatives' telephones got, by their names."""
        names = {relative.phone_number: relative.name for relative in (*DEMO_FAMILY.relatives, CAROL)}
        return [(names[m.to_number], m.body) for m in self.stage.stand_in.messages if m.to_number in names]

    async def play(self, scenario: Scenario) -> CallOutcome:
        """Plays one. Raises SimulationError."""
        conversation = AudioConversation(
            caller=load_mulaw(scenario.caller), callee=load_mulaw(scenario.callee)
        )
        ring = Ring(scenario.from_number, scenario.stir)
        report = await self.stage.simulator.place(scenario.name, conversation, ring)
        if report.keyword_to_alert_ms is not None:
            self.figures[report.call_sid] = report.keyword_to_alert_ms
        return CallOutcome(
            scenario=scenario.name,
            expected=scenario.expected,
            as_expected=_as_expected(scenario, report),
            report=report,
        )


def _as_expected(scenario: Scenario, report: CallReport) -> bool:
    if scenario.expected != "alert":
        return scenario.expected == "shown" or not report.alerted
    elapsed = report.keyword_to_alert_ms
    return report.alerted and elapsed is not None and elapsed <= ALERT_SECONDS * 1000


@asynccontextmanager
async def open_demo(settings: Settings) -> AsyncIterator[Demo]:
    """The demo's own server and stand-in.

    Raises as `in_process` does, and ConfigurationError without a recogniser.
    """
    recogniser = WhisperFactory()
    await recogniser.warm()
    try:
        own = demo_settings(settings)
        async with in_process(own, speed=1.0, recogniser=recogniser) as stage:
            enrolling = Voiceprints(keyring(own.voiceprint_key), await asyncio.to_thread(model.load))
            await be_known(stage.database, enrolling)
            yield Demo(stage)
    finally:
        recogniser.close()


def demo_settings(settings: Settings) -> Settings:
    """The same, with data of the demo's own, and whatever port is free where the default one is taken."""
    changes: dict[str, object] = {"public_base_url": None, "host": "127.0.0.1"}
    if settings.voiceprint_key is None:  # what was enrolled by another one is enrolled anew
        key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        changes["voiceprint_key"] = SecretStr(f"demo:{key}")
    if settings.database_url is None:
        changes["data_dir"] = settings.data_dir / "demo"
    if settings.port == DEFAULT_PORT and not _is_free(settings.host, settings.port):
        changes["port"] = 0
    return settings.model_copy(update=changes)


def _is_free(host: str, port: int) -> bool:
    try:
        bind(host, port).close()
    except ConfigurationError:
        return False
    return True
