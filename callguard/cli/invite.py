"""`callguard invite`."""

from callguard.alerting.invitations import request_invitation
from callguard.bootstrap import database_urls
from callguard.cli.running import run, tell
from callguard.config import Settings, load_settings
from callguard.db.pool import Database
from callguard.errors import InvitationRefused


def invite() -> None:
    """Ask every contact who has not confirmed their number to do so, by SMS; the running server sends them.

    Alerts go to confirmed numbers only. Nobody is asked twice within ten minutes, or four times in a week.
    """
    run(_invite(load_settings()))


async def _invite(settings: Settings) -> None:
    async with database_urls(settings, tell) as cluster:
        database = Database(cluster.app_dsn, size=settings.database_pool_size)
        try:
            invited, refused = await _everybody(database)
        finally:
            await database.close()
    print(f"{invited} invited")
    for reason, count in sorted(refused.items()):
        print(f"{count} not invited: {reason}")


async def _everybody(database: Database) -> tuple[int, dict[str, int]]:
    invited = 0
    refused: dict[str, int] = {}
    async with database.session() as session:
        tenants = [row["id"] for row in await session.rows("tenants.ids")]
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            for contact in await session.rows("invitations.unconfirmed"):
                try:
                    await request_invitation(session, tenant_id, contact["id"])
                    invited += 1
                except InvitationRefused as error:
                    refused[error.reason] = refused.get(error.reason, 0) + 1
    return invited, refused
