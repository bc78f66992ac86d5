"""The two older tables of notices become one, with every row, for a login that row security binds."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from callguard.db import migrate
from callguard.local.postgres import Cluster
from tests.integration.population import connected, rows, value

BEFORE = "0007"


@pytest.fixture
async def empty(postgres: Cluster) -> AsyncIterator[Cluster]:
    name = f"empty_{secrets.token_hex(6)}"
    await rows(postgres, f"CREATE DATABASE {name} TEMPLATE template0")
    owner = urlunsplit(urlsplit(postgres.owner_dsn)._replace(path=f"/{name}"))
    yield Cluster(owner_dsn=owner, app_dsn=owner)
    await rows(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def test_every_row_moves_and_none_is_told_again(empty: Cluster) -> None:
    everything = migrate.migrations()
    await migrate.migrate(empty.owner_dsn, tuple(m for m in everything if m.name < BEFORE))
    async with connected(empty.owner_dsn) as owner:
        for number, phone in ((1, "+12025550111"), (2, "+12025550112")):
            tenant = await owner.fetchval("SELECT gen_random_uuid()")
            await owner.execute("SELECT set_config('callguard.tenant', $1, false)", str(tenant))
            await owner.execute("INSERT INTO tenants (id, name) VALUES ($1, 'T')", tenant)
            user = await owner.fetchval(
                "INSERT INTO users (tenant_id, email, name, phone_number) VALUES ($1, 'm', 'M', $2) "
                "RETURNING id",
                tenant,
                phone,
            )
            call = await owner.fetchval(
                "INSERT INTO active_calls (tenant_id, user_id, call_sid, conference_name, caller_number, "
                "called_number, language) VALUES ($1, $2, $3, 'c', 'withheld', 'x', 'en') RETURNING id",
                tenant,
                user,
                f"CA{number}",
            )
            await owner.execute(
                "INSERT INTO notices (tenant_id, call_id, fault, remedy) "
                "VALUES ($1, $2, 'audio_lost', 'local')",
                tenant,
                call,
            )
            for _ in range(2):
                await owner.execute(
                    "INSERT INTO operator_notices (tenant_id, call_id, kind) "
                    "VALUES ($1, $2, 'forwarding_loop')",
                    tenant,
                    call,
                )
    await migrate.migrate(empty.owner_dsn, everything)

    moved = await rows(
        empty,
        "SELECT c.call_sid, n.kind, n.remedy, n.level, n.told_at = n.began_at, n.user_id = c.user_id "
        "FROM notices n JOIN active_calls c ON c.id = n.call_id ORDER BY c.call_sid, n.kind",
    )
    assert [tuple(row) for row in moved] == [
        (sid, kind, remedy, "notice", True, True)
        for sid in ("CA1", "CA2")
        for kind, remedy in (("audio_lost", "local"), ("forwarding_loop", None))
    ]
    assert await value(empty, "SELECT to_regclass('operator_notices')") is None
