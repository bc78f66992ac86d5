"""A tenant sees, changes and refers to its own rows only; every table that is there is looked at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from callguard.db.pool import Database, Row, Session
from callguard.domain.listening import Fault
from callguard.errors import DatabaseError
from callguard.local.postgres import Cluster
from callguard.transcript import notices
from tests.integration.population import (
    Household,
    call_sid,
    connected,
    hear,
    household,
    open_call,
    rows,
    value,
    words,
)

# The migrations' own ledger: its owner's, closed to everybody else.
LEDGER = "callguard_migrations"
RESOLVERS = {
    "resolve_number(text)": "'+12025550101'",
    "resolve_call(text)": f"'{call_sid(1)}'",
    "resolve_alert(uuid)": f"'{uuid4()}'",
    "resolve_canary(uuid)": f"'{uuid4()}'",
    "resolve_sender(text)": "'+12025550121'",
    "resolve_step(uuid)": f"'{uuid4()}'",
    "tenant_of_call(uuid)": f"'{uuid4()}'",
    "call_of_analysis(uuid)": f"'{uuid4()}'",
    "judgeable_voices(uuid[])": f"'{{{uuid4()}}}'",
    "route_book()": "",
    "ship_catalogue(text,text,jsonb,text[],text[])": "'en', 'shipped-0123456789ab', '{}', '{gold}', '{}'",
    "tenant_ids()": "",
    "claim_work(text[],integer,interval,integer,bigint[])": "'{}', 1, '1 s', NULL, '{}'",
}
TABLES = """
    SELECT relname, relrowsecurity AS enabled, relforcerowsecurity AS forced FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname"""
COLUMNS = """
    SELECT string_agg(attname, ', ') FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = ''"""
REFERENCES = """
    SELECT conname AS name, conrelid::regclass::text AS table, confrelid::regclass::text AS target,
           ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place) AS columns
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"""


async def tables(cluster: Cluster) -> list[str]:
    return [row["relname"] for row in await rows(cluster, TABLES) if row["relname"] != LEDGER]


async def fill(database: Database, number: int) -> tuple[Household, UUID]:
    """A household with a row in every table, and its call."""
    home = await household(database, number)
    call_id = await open_call(database, home, number)
    await hear(database, home, call_id, words(number, 1, "Buy a gift card."))
    async with database.tenant(home.tenant_id) as session:
        verdict: list[object] = [
            ["gift card"],
            "Buy a gift card.",
            {},
            90.0,
            True,
            "SCAM",
            "prize",
            "So.",
            [],
            {},
            1,
        ]
        analysis_id = await session.value("analyses.add", home.tenant_id, call_id, *verdict)
        await session.value(
            "alerts.add", home.tenant_id, call_id, analysis_id, home.contact_id, "danger", "sms"
        )
        await session.value(
            "answers.add", home.tenant_id, f"SM{number:032x}", home.contact_id, None, None, "help", None
        )
        await session.value("invitations.add", home.tenant_id, home.contact_id)
        await session.value("canary.begin", home.tenant_id, home.user_id, "api", "apple river")
        await session.value("streams.admit", home.tenant_id, call_id, uuid4(), f"MZ{number:032x}")
        await notices.declare(session, home.tenant_id, call_id, Fault.AUDIO_LOST)
        await session.run("deliveries.looping", home.tenant_id, home.user_id, "same_number", "")
        await session.run(
            "push.subscribe", home.tenant_id, home.contact_id, "https://push.example/1", "key", "secret", 5
        )
        await session.value(
            "notice_messages.add", home.tenant_id, home.user_id, "operator", None, "sms", [], "pending", None
        )
        step = ["hold", None, "contact", home.contact_id, None, "done"]
        await session.value("ladder.ask", home.tenant_id, call_id, *step)
        await session.value("voicemails.add", home.tenant_id, call_id, f"RE{number:032x}", 5)
        question = ["answered", "model", "judge.v2", 9, 40, 1, 700, 900, 100, False, 195, None]
        await session.value("llm.add", home.tenant_id, call_id, number, *question)
        said = [analysis_id, "dashboard", "operator", None, "scam", None]
        await session.value("feedback.add", home.tenant_id, call_id, *said)
        known = [b"number", b"script", "SCAM", None, None, datetime.now(UTC)]
        memory_id = await session.value("memory.put", home.tenant_id, home.user_id, call_id, *known)
        await session.run("memory.put_bands", home.tenant_id, [1], memory_id)
        whose = [home.user_id, home.contact_id]
        consent_id = await session.value("voiceprints.agree", home.tenant_id, *whose, "Anna", "2026-11")
        enrolled = [*whose, consent_id, "active", 3, 0.9, b"sealed", "1", "network"]
        voiceprint_id = uuid4()
        await session.run("voiceprints.put", voiceprint_id, home.tenant_id, *enrolled)
        reading = ["measured", 0.9, 0.8, 0.95, 10.0, 4, None, "model"]
        await session.run("voice.keep_reading", home.tenant_id, call_id, f"MZ{number:032x}", *reading)
        likeness = [voiceprint_id, "same", 0.7, "model"]
        await session.run("voice.keep_likeness", home.tenant_id, call_id, f"MZ{number:032x}", *likeness)
        rule = "INSERT INTO caller_rules (tenant_id, user_id, number, rule) VALUES ($1, $2, '911', 'allow')"
        await session._connection.execute(rule, home.tenant_id, home.user_id)
    return home, call_id


@asynccontextmanager
async def as_app(dsn: str, tenant_id: UUID | None = None) -> AsyncIterator["asyncpg.Connection[Row]"]:
    """A transaction of the application's, undone at the end."""
    async with connected(dsn) as connection:
        transaction = connection.transaction()
        await transaction.start()
        if tenant_id is not None:
            await connection.execute("SELECT set_config('callguard.tenant', $1, true)", str(tenant_id))
        yield connection
        await transaction.rollback()


async def seen(connection: "asyncpg.Connection[Row]", names: list[str]) -> dict[str, int]:
    return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names}


async def touched(connection: "asyncpg.Connection[Row]", statement: str) -> int | str:
    """How many rows a statement changed, or why it was refused."""
    try:
        async with connection.transaction():
            return int((await connection.execute(statement)).rpartition(" ")[2])
    except asyncpg.PostgresError as error:
        return type(error).__name__


async def test_row_security_is_on_and_forced_everywhere(cluster: Cluster) -> None:
    found = await rows(cluster, TABLES)
    assert len(found) > 10
    assert {row["relname"] for row in found if not row["enabled"]} == set()
    assert {row["relname"] for row in found if not row["forced"]} == {LEDGER}


async def test_the_roles_have_no_power_of_their_own(cluster: Cluster) -> None:
    roles = "callguard_app", "callguard_resolver"
    mighty = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
    assert (
        await rows(cluster, f"SELECT rolname FROM pg_roles WHERE rolname = ANY ($1) AND ({mighty})", roles)
        == []
    )
    assert (
        await value(cluster, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'callguard_resolver'") is False
    )
    owned = "SELECT relname FROM pg_class WHERE relowner::regrole::text = ANY ($1) AND relkind = 'r'"
    assert await rows(cluster, owned, roles) == []
    member = "SELECT roleid::regrole FROM pg_auth_members WHERE member::regrole::text = ANY ($1)"
    assert await rows(cluster, member, roles) == []


async def test_without_a_tenant_there_is_nothing(cluster: Cluster, database: Database) -> None:
    await fill(database, 1)
    names = await tables(cluster)
    for nobody in (None, UUID(int=0)):
        async with as_app(cluster.app_dsn, nobody) as app:
            assert await seen(app, names) == dict.fromkeys(names, 0)


async def test_an_empty_tenant_setting_is_none(cluster: Cluster, database: Database) -> None:
    await fill(database, 1)
    async with as_app(cluster.app_dsn) as app:
        await app.execute("SET callguard.tenant = ''")
        assert await app.fetchval("SELECT count(*) FROM users") == 0


async def test_each_tenant_sees_its_own_rows_in_every_table(cluster: Cluster, database: Database) -> None:
    homes = [(await fill(database, number))[0] for number in (1, 2)]
    names = await tables(cluster)
    for home in homes:
        async with as_app(cluster.app_dsn, home.tenant_id) as app:
            assert {name: count for name, count in (await seen(app, names)).items() if count == 0} == {}
            for name in names:
                column = "id" if name == "tenants" else "tenant_id"
                assert await app.fetchval(f"SELECT array_agg(DISTINCT {column}) FROM {name}") == [
                    home.tenant_id
                ]


async def test_another_tenants_rows_are_neither_changed_nor_deleted(
    cluster: Cluster, database: Database
) -> None:
    await fill(database, 1)
    stranger = await household(database, 2, keywords=())
    async with as_app(cluster.app_dsn, uuid4()) as app:
        for name in await tables(cluster):
            column = "id" if name == "tenants" else "tenant_id"
            assert await touched(app, f"UPDATE {name} SET {column} = {column}") == 0
            assert await touched(app, f"DELETE FROM {name}") in (0, "InsufficientPrivilegeError")
    async with as_app(cluster.app_dsn, stranger.tenant_id) as app:
        assert await touched(app, "UPDATE users SET name = 'Eve'") == 1


@pytest.mark.parametrize("named", ["no tenant", "another tenant"])
async def test_a_row_cannot_be_written_for_another_tenant(
    cluster: Cluster, database: Database, named: str
) -> None:
    home, _ = await fill(database, 1)
    stranger = await household(database, 2)
    async with as_app(cluster.app_dsn, stranger.tenant_id if named == "another tenant" else None) as app:
        for name in await tables(cluster):
            row = await value(cluster, f"SELECT to_jsonb(t)::text FROM {name} t LIMIT 1")
            columns = await value(cluster, COLUMNS, name)
            insert = f"""
                INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE
                SELECT {columns} FROM jsonb_populate_record(NULL::{name}, $1::text::jsonb)"""
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                async with app.transaction():
                    await app.execute(insert, row)
    async with as_app(cluster.app_dsn, home.tenant_id) as app:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await app.execute("UPDATE keyword_catalogues SET tenant_id = $1", stranger.tenant_id)


async def test_every_reference_names_the_tenant_too(cluster: Cluster) -> None:
    keys = await rows(cluster, REFERENCES)
    assert len(keys) > 10
    for key in keys:
        assert key["columns"][0] == "tenant_id", key["name"]
        assert len(key["columns"]) == (1 if key["target"] == "tenants" else 2), key["name"]


async def test_nothing_can_refer_to_another_tenants_rows(cluster: Cluster, database: Database) -> None:
    home, stranger = [(await fill(database, number))[0] for number in (1, 2)]
    for key in await rows(cluster, REFERENCES):
        if key["target"] == "tenants":
            continue
        theirs = await value(cluster, f"SELECT id FROM {key['target']} WHERE tenant_id = $1", home.tenant_id)
        for referred in (theirs, uuid4()):  # one must not be told from the other
            async with as_app(cluster.app_dsn, stranger.tenant_id) as app:
                with pytest.raises(asyncpg.ForeignKeyViolationError) as caught:
                    await app.execute(f"UPDATE {key['table']} SET {key['columns'][1]} = $1", referred)
                assert caught.value.constraint_name == key["name"]


async def test_no_alert_can_be_raised_for_another_tenants_call(cluster: Cluster, database: Database) -> None:
    _, call_id = await fill(database, 1)
    stranger, own_call = await fill(database, 2)
    analyses = await rows(cluster, "SELECT id, call_id FROM fraud_analyses")
    verdicts = {row["call_id"]: row["id"] for row in analyses}
    for call, verdict in (
        (call_id, verdicts[call_id]),
        (call_id, verdicts[own_call]),
        (own_call, verdicts[call_id]),
    ):
        with pytest.raises(DatabaseError) as caught:
            await add_alert(database, stranger.tenant_id, call, verdict)
        assert caught.value.code == "DATABASE_23503"


async def add_alert(database: Database, tenant_id: UUID, call_id: UUID, analysis_id: UUID) -> None:
    async with database.tenant(tenant_id) as session:
        await session.value("alerts.add", tenant_id, call_id, analysis_id, None, "danger", "sms")


async def test_only_the_resolver_functions_look_across_tenants(cluster: Cluster) -> None:
    definers = await rows(
        cluster,
        "SELECT oid::regprocedure::text AS name, proowner::regrole::text AS owner, proconfig, "
        "ARRAY(SELECT grantee::regrole::text FROM aclexplode(proacl) ORDER BY 1) AS callers "
        "FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef",
    )
    assert {row["name"] for row in definers} == set(RESOLVERS)
    for row in definers:
        assert row["owner"] == "callguard_resolver"
        assert row["callers"] == ["callguard_app", "callguard_resolver"]
        assert row["proconfig"] == ["search_path=public, pg_temp"]
    everywhere = "SELECT tablename FROM pg_policies WHERE qual = 'true' AND roles <> '{callguard_resolver}'"
    assert await rows(cluster, everywhere) == []


async def test_the_resolver_functions_are_the_applications_alone(
    cluster: Cluster, database: Database
) -> None:
    home, call_id = await fill(database, 1)
    async with as_app(cluster.app_dsn) as app:
        found = await app.fetchrow("SELECT * FROM resolve_call($1)", call_sid(1))
        assert found is not None
        assert (found["tenant_id"], found["call_id"]) == (home.tenant_id, call_id)
        assert [row[0] for row in await app.fetch("SELECT tenant_ids()")] == [home.tenant_id]
    async with as_app(cluster.owner_dsn) as owner:
        await owner.execute("CREATE ROLE stranger")
        await owner.execute("GRANT USAGE ON SCHEMA public TO stranger")
        await owner.execute("SET ROLE stranger")
        for signature, arguments in RESOLVERS.items():
            call = f"SELECT {signature.partition('(')[0]}({arguments})"
            assert await touched(owner, call) == "InsufficientPrivilegeError"


async def test_the_application_cannot_become_somebody_else(cluster: Cluster) -> None:
    owner = await value(cluster, "SELECT current_user")
    async with as_app(cluster.app_dsn) as app:
        for role in (owner, "callguard_resolver", "pg_read_all_data"):
            assert await touched(app, f"SET ROLE {role}") == "InsufficientPrivilegeError"
            assert await touched(app, f"SET SESSION AUTHORIZATION {role}") == "InsufficientPrivilegeError"


async def who(session: Session) -> tuple[str, int]:
    """The role in force, and how many people it sees."""
    row = await session._connection.fetchrow("SELECT current_user, (SELECT count(*) FROM users)")
    assert row is not None
    return row[0], row[1]


async def test_the_owners_login_serves_as_the_application_too(cluster: Cluster, database: Database) -> None:
    home, _ = await fill(database, 1)
    assuming = Database(cluster.owner_dsn, size=1)
    for reset in ("RESET ROLE", "RESET ALL"):
        async with assuming.session() as session:
            await session._connection.execute(reset)
            assert await who(session) == ("callguard_app", 0)
    async with assuming.tenant(home.tenant_id) as session:
        assert await who(session) == ("callguard_app", 1)
    async with assuming.tenant(uuid4()) as session:
        assert await who(session) == ("callguard_app", 0)
    await assuming.close()


async def test_a_connection_forgets_its_tenant(cluster: Cluster, database: Database) -> None:
    home, _ = await fill(database, 1)
    single = Database(cluster.app_dsn, size=1)
    async with single.tenant(home.tenant_id) as session:
        assert await who(session) == ("callguard_app", 1)
    async with single.session() as session:
        assert await who(session) == ("callguard_app", 0)
    with pytest.raises(DatabaseError):
        async with single.tenant(home.tenant_id) as session:
            await session.run("people.add_person", uuid4(), "", "", "", None, "en", True)
    async with single.session() as session:
        assert await who(session) == ("callguard_app", 0)
    await single.close()
