"""What integration tests share: a family's server beside a stand-in that takes no time."""

import math
from collections.abc import AsyncIterator

import pytest

from callguard.config import Settings
from callguard.local.stage import Stage, in_process
from tests.integration.twilio_contract import assert_accepted
from tests.integration.webhooks import SignedClient


@pytest.fixture
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    """The whole house: server, stand-in and the demo family, on a database of the test's own.

    Whatever a test is about, Twilio would have taken every request.
    """
    async with in_process(settings, speed=math.inf) as stage:
        yield stage
        assert_accepted(stage.stand_in.requests)


@pytest.fixture
async def twilio(stage: Stage) -> AsyncIterator[SignedClient]:
    """Webhooks as Twilio would send them to the stage's server."""
    assert stage.services is not None
    keys, base_url = stage.services.keys, stage.services.settings.base_url
    async with SignedClient(base_url, keys.twilio_auth_token) as client:
        yield client
