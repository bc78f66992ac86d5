"""Houses of several server processes on the test's own database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callguard.config import Settings
from callguard.local.postgres import Cluster
from tests.chaos.house import House, open_house


@pytest.fixture
async def house(cluster: Cluster, settings: Settings, tmp_path: Path) -> AsyncIterator[House]:
    """Two servers, and a telephone network that takes no time."""
    async with open_house(cluster, settings, tmp_path, seed=3) as house:
        yield house
