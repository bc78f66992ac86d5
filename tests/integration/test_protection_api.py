"""`/api/test/protection`: a test call by HTTP, for who has the key and nobody else."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from callguard.config import Settings
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.canary_bench import canary_stage
from tests.integration.eventually import eventually
from tests.integration.population import household, rows, value

DOOR = "/api/test/protection"


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[Stage]:
    async with canary_stage(settings) as stage:
        yield stage


@pytest.fixture
async def api(house: Stage) -> AsyncIterator[httpx.AsyncClient]:
    assert house.services is not None
    services = house.services
    async with httpx.AsyncClient(
        base_url=services.settings.base_url, headers={"Authorization": f"Bearer {services.keys.dashboard}"}
    ) as client:
        yield client


def refusal(reply: httpx.Response) -> tuple[int, str]:
    told = reply.json()
    assert set(told) == {"error", "request_id"}
    assert set(told["error"]) == {"code", "message", "details"}
    return reply.status_code, told["error"]["code"]


async def test_a_test_is_asked_for_and_its_result_is_to_be_had(
    api: httpx.AsyncClient, cluster: Cluster
) -> None:
    person_id = str(await value(cluster, "SELECT id FROM users"))
    asked = await api.post(DOOR)
    assert asked.status_code == 202
    told = asked.json()
    assert told["person_id"] == person_id
    assert told["is_test"] is True

    async def result() -> dict[str, object]:
        reply = await api.get(told["status_url"])
        assert reply.status_code == 200
        return dict(reply.json())

    report = await eventually(result, lambda seen: seen["state"] != "running")
    assert (report["state"], report["forwarding"]) == ("passed", "not_tested")
    assert report["test_id"] == told["test_id"]
    assert "2025550" not in str(report)


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic {key}", "{key}", "Bearer \xe4"])
async def test_without_the_key_nothing_is_asked_for_or_told(
    house: Stage, cluster: Cluster, header: str | None
) -> None:
    assert house.services is not None
    key = house.services.keys.dashboard
    given = httpx.Headers(
        {} if header is None else {b"Authorization": header.format(key=key).encode("latin-1")}
    )
    async with httpx.AsyncClient(base_url=house.services.settings.base_url) as nobody:
        for reply in (
            await nobody.post(DOOR, headers=given),
            await nobody.get(f"{DOOR}/{uuid4()}", headers=given),
        ):
            assert refusal(reply) == (401, "AUTHENTICATION_REQUIRED")
    assert await value(cluster, "SELECT count(*) FROM canary_runs") == 0


async def test_what_can_not_be_asked_for_is_told_in_one_shape(
    api: httpx.AsyncClient, house: Stage, cluster: Cluster
) -> None:
    assert refusal(await api.get(f"{DOOR}/{uuid4()}")) == (404, "NOT_FOUND")
    assert refusal(await api.get(f"{DOOR}/none")) == (404, "NOT_FOUND")
    assert refusal(await api.post(DOOR, json={"person_id": str(uuid4())})) == (404, "NOT_FOUND")
    for body in (b"{", b"[]", b'{"person": 1}', b'{"person_id": "x"}', b" " * 5000):
        assert refusal(await api.post(DOOR, content=body)) == (400, "VALIDATION_ERROR")
    await household(house.database, 3)
    assert refusal(await api.post(DOOR)) == (400, "VALIDATION_ERROR"), "which of the two?"
    await rows(cluster, "UPDATE users SET paused_until = now() + interval '1 hour'")
    person_id = str(await value(cluster, "SELECT id FROM users WHERE tenant_id = $1", DEMO_FAMILY.tenant_id))
    assert refusal(await api.post(DOOR, json={"person_id": person_id})) == (409, "PROTECTION_PAUSED")


async def test_without_a_number_to_call_from_no_test_is_begun(stage: Stage, cluster: Cluster) -> None:
    assert stage.services is not None
    services = stage.services
    headers = {"Authorization": f"Bearer {services.keys.dashboard}"}
    async with httpx.AsyncClient(base_url=services.settings.base_url, headers=headers) as api:
        assert refusal(await api.post(DOOR)) == (409, "NO_CANARY_NUMBER")
    assert await value(cluster, "SELECT count(*) FROM canary_runs") == 0
