"""What the demo family's person wants, told to the database as their pages will."""

from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from tests.integration.population import rows

TENANT = DEMO_FAMILY.tenant_id
SECOND = "+12025550111"
SOFTPHONE = "client:margaret"


async def rule(cluster: Cluster, number: str, verdict: str) -> None:
    """A caller is allowed or blocked."""
    await rows(
        cluster,
        "INSERT INTO caller_rules (tenant_id, user_id, number, rule) "
        "SELECT tenant_id, id, $2, $3 FROM users WHERE tenant_id = $1",
        TENANT,
        number,
        verdict,
    )


async def wish(cluster: Cluster, changes: str) -> None:
    """Columns of the person, as in an UPDATE."""
    await rows(cluster, f"UPDATE users SET {changes} WHERE tenant_id = $1", TENANT)


async def ways(cluster: Cluster, *kinds_and_addresses: tuple[str, str | None]) -> None:
    """The ways by which the person is rung, in order."""
    for position, (kind, address) in enumerate(kinds_and_addresses, start=1):
        await rows(
            cluster,
            "INSERT INTO delivery_routes (tenant_id, user_id, kind, address, position) "
            "SELECT tenant_id, id, $2, $3, $4 FROM users WHERE tenant_id = $1",
            TENANT,
            kind,
            address,
            position,
        )
