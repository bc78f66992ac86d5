"""`callguard app-link`: the link it prints opens the contact's page on the server with the same keys."""

from pathlib import Path

import httpx

from callguard.config import Settings
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.cli.conftest import Shell


async def test_the_link_opens_the_page_and_a_strangers_number_gives_none(
    stage: Stage, settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    assert stage.services is not None
    shell = Shell(settings.data_dir, tmp_path)
    there = {
        "DATABASE_URL": cluster.owner_dsn,
        "DATABASE_APP_URL": cluster.app_dsn,
        "PUBLIC_BASE_URL": stage.services.settings.base_url,
    }

    ended = await shell.run("app-link", DEMO_FAMILY.relatives[0].phone_number, **there)
    nobody = await shell.run("app-link", "+12025550177", **there)

    assert (ended.status, nobody.status, nobody.out) == (0, 1, "")
    assert "No contact has this number." in nobody.err
    async with httpx.AsyncClient() as client:
        page = await client.get(ended.out.strip())
    assert page.status_code == 200
    assert "Turn alerts on" in page.text
