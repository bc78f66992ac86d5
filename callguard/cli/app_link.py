"""`callguard app-link`."""

import time
from typing import Annotated

import typer

from callguard.bootstrap import database_urls
from callguard.cli.running import run, tell
from callguard.config import Settings, load_settings
from callguard.db.pool import Database
from callguard.trust.contact_links import PURPOSE, ContactLinks, LinkedContact
from callguard.trust.keys import load_keys

UNKNOWN = 1


def app_link(
    number: Annotated[str, typer.Argument(help="The contact's phone number, as in +12025550120.")],
) -> None:
    """Print the link by which a contact turns alerts on for their phone or computer.

    It is good for a day, and for whoever has it: send it to the contact and to nobody else. Status 1 for a
    number that is no contact's.
    """
    links = run(_links(load_settings(), number))
    for link in links:
        print(link)
    if not links:
        tell("No contact has this number.")
        raise typer.Exit(UNKNOWN)


async def _links(settings: Settings, number: str) -> list[str]:
    links = ContactLinks(load_keys(settings).derive(PURPOSE), settings.base_url)
    async with database_urls(settings, tell) as cluster:
        database = Database(cluster.app_dsn, size=1)
        try:
            async with database.session() as session:
                contacts = await session.rows("answers.senders", number)
        finally:
            await database.close()
    return [links.url(LinkedContact(row["tenant_id"], row["contact_id"]), time.time()) for row in contacts]
