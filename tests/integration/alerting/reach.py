"""A house that reaches contacts by mail server and push service stand-ins too."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from callguard.config import Settings
from callguard.db.pool import Database
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from tests.integration.population import rows
from tests.stand_ins.mail_server import MailServer, mail_server
from tests.stand_ins.push_service import Browser, PushService, push_service

ANNAS_MAIL = "anna@example.org"
OPERATORS_MAIL = "operator@example.org"


@dataclass(frozen=True, slots=True)
class Reach:
    """The house, and what it reaches contacts by."""

    stage: Stage
    mail: MailServer
    push: PushService

    @property
    def database(self) -> Database:
        return self.stage.database


@asynccontextmanager
async def reaching(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: object
) -> AsyncIterator[Reach]:
    """Settings are those of the test, with a mail server and `changes`."""
    async with mail_server() as mail, push_service(folder) as push:
        monkeypatch.setattr("callguard.parts.public_session", push.session)
        connected = settings.model_copy(
            update={
                "smtp_host": "127.0.0.1",
                "smtp_port": mail.port,
                "smtp_security": "none",
                "smtp_from": "callguard@example.org",
                "operator_email": OPERATORS_MAIL,
                **changes,
            }
        )
        async with in_process(connected, speed=math.inf) as stage:
            yield Reach(stage, mail, push)


async def subscribe(database: Database, cluster: Cluster, name: str, browser: Browser) -> None:
    """A contact's browser is known, as the page makes it known."""
    (contact,) = await rows(cluster, "SELECT id FROM emergency_contacts WHERE name = $1", name)
    given = browser.subscription()
    async with database.tenant(DEMO_FAMILY.tenant_id) as session:
        added = await session.run(
            "push.subscribe",
            DEMO_FAMILY.tenant_id,
            contact["id"],
            given["endpoint"],
            given["p256dh"],
            given["auth"],
            5,
        )
    assert added


async def set_contact(cluster: Cluster, name: str, **columns: object) -> None:
    """What the operator enters."""
    for column, value in columns.items():
        await rows(cluster, f"UPDATE emergency_contacts SET {column} = $2 WHERE name = $1", name, value)
