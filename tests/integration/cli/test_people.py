"""`callguard people`: an operator sets a family up, and a call reaches them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import Result
from pydantic import BaseModel
from typer.testing import CliRunner

from callguard.cli.main import app
from callguard.db.pool import Database
from callguard.errors import PeopleError
from callguard.local.postgres import Cluster
from callguard.people import book
from callguard.people.file import Contact, Delivery, PeopleFile, Person
from tests.integration.cli.conftest import write
from tests.integration.population import household, rows, value

FILE = """
organisation = "Hill family"

[[person]]
email = "margaret@example.com"
name = "Margaret Hill"
phone_number = "+1 202 555 0110"
twilio_number = "+12025550100"
time_zone = "America/New_York"
quiet_from = 22:00:00
quiet_until = 07:00:00
block = ["+12025550130"]

[[person.delivery]]
kind = "second_number"
address = "+12025550111"

[[person.delivery]]
kind = "same_number"

[[person.contact]]
name = "Anna"
phone_number = "+12025550120"
"""


@pytest.fixture
def callguard(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[Result]]:
    """Runs the command in this process; in a thread, since it has a loop of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", cluster.owner_dsn)
    monkeypatch.setenv("DATABASE_APP_URL", cluster.app_dsn)
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_an_operator_sets_a_person_up_and_sees_them(
    callguard: Callable[..., Awaitable[Result]], cluster: Cluster, tmp_path: Path
) -> None:
    write(tmp_path, "people.toml", [FILE])
    tried = await callguard("people", "apply", "people.toml", "--dry-run")
    assert "+ margaret@example.com contact[+12025550120].name = Anna" in tried.stdout.splitlines()
    assert await value(cluster, "SELECT count(*) FROM users") == 0

    assert (await callguard("people", "apply", "people.toml")).stdout == tried.stdout
    write(tmp_path, "shown.toml", [(await callguard("people", "show", "--toml")).stdout])
    for name in ("people.toml", "shown.toml"):
        assert (await callguard("people", "apply", name)).stdout == "Nothing to change.\n"
    assert "contact: Anna +12025550120" in (await callguard("people", "show")).stdout
    assert (
        await value(cluster, "SELECT count(*) FROM keyword_catalogues WHERE language = 'en' AND published")
        != 0
    )

    write(tmp_path, "wrong.toml", [FILE.replace("America/New_York", "Mars/Phobos")])
    refused = await callguard("people", "apply", "wrong.toml")
    assert isinstance(refused.exception, PeopleError)
    assert "person[1].time_zone: must be the name of a time zone" in refused.exception.message


MARGARET = Person(
    email="person1@example.com",
    name="Margaret",
    phone_number="+12025550111",
    twilio_number="+12025550101",
    allow=["+12025550140"],
    delivery=[Delivery(kind="same_number"), Delivery(kind="client", address="client:margaret")],
    contact=[Contact(name="Anna", phone_number="+12025550121", relationship="daughter")],
)


def file(*people: Person) -> PeopleFile:
    return PeopleFile(organisation="Household 1", person=list(people))


async def test_what_the_file_no_longer_says_is_gone_and_what_it_never_says_stays(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)
    await rows(
        cluster,
        "INSERT INTO delivery_routes (tenant_id, user_id, kind, looping) "
        "VALUES ($1, $2, 'same_number', true)",
        home.tenant_id,
        home.user_id,
    )
    await rows(cluster, "UPDATE emergency_contacts SET opted_out_at = now()")
    changes = await book.apply(database, file(MARGARET))
    assert changes == [
        "+ person1@example.com allow[+12025550140] = yes",
        "+ person1@example.com delivery[2] = client client:margaret",
    ]
    assert await value(cluster, "SELECT looping FROM delivery_routes WHERE kind = 'same_number'") is True
    assert await value(cluster, "SELECT opted_out_at IS NOT NULL FROM emergency_contacts") is True
    assert await value(cluster, "SELECT id FROM users") == home.user_id

    leaner = MARGARET.model_copy(update={"allow": [], "delivery": MARGARET.delivery[::-1], "contact": []})
    await book.apply(database, file(leaner))
    [organisation] = await book.organisations(database)
    assert organisation.people == [leaner]
    assert await book.apply(database, file(leaner)) == []


async def test_a_number_that_is_another_persons_changes_nothing(database: Database, cluster: Cluster) -> None:
    await household(database, 1)
    other = await household(database, 2)
    stolen = MARGARET.model_copy(update={"name": "Other", "twilio_number": other.twilio_number})
    with pytest.raises(PeopleError, match="another person's already"):
        await book.apply(database, file(stolen))
    names = await rows(cluster, "SELECT name FROM users")
    assert {row["name"] for row in names} == {"Margaret"}


async def test_a_person_whom_nobody_could_have_written_is_told_by_field_not_by_value(
    database: Database, cluster: Cluster
) -> None:
    await household(database)
    await rows(cluster, "UPDATE users SET time_zone = 'Mars/Phobos'")
    with pytest.raises(PeopleError, match="time_zone") as refused:
        await book.organisations(database)
    assert "Phobos" not in refused.value.message


@pytest.mark.parametrize(
    ("table", "said", "not_said"),
    [
        ("users", Person, {"id", "tenant_id", "created_at", "updated_at"}),
        (
            "emergency_contacts",
            Contact,
            # What contacts decide by themselves: whether they confirmed, or opted out.
            {"id", "tenant_id", "user_id", "created_at", "verified_at", "opted_out_at"},
        ),
        ("delivery_routes", Delivery, {"id", "tenant_id", "user_id", "created_at", "position", "looping"}),
    ],
)
async def test_whatever_can_be_wished_can_be_said_in_a_people_file(
    cluster: Cluster, table: str, said: type[BaseModel], not_said: set[str]
) -> None:
    found = await rows(
        cluster, "SELECT column_name FROM information_schema.columns WHERE table_name = $1", table
    )
    of_other_tables = {"allow", "block", "delivery", "contact"}
    assert {row["column_name"] for row in found} - not_said == set(said.model_fields) - of_other_tables


async def test_what_a_file_leaves_out_is_what_a_new_row_has(
    database: Database, cluster: Cluster, callguard: Callable[..., Awaitable[Result]], tmp_path: Path
) -> None:
    await household(database)
    plain = await rows(cluster, "SELECT to_jsonb(u) AS person FROM users u")
    write(
        tmp_path, "people.toml", [FILE.replace("time_zone", "#").replace("quiet_", "#").replace("block", "#")]
    )
    assert (await callguard("people", "apply", "people.toml")).exit_code == 0
    applied = await rows(cluster, "SELECT to_jsonb(u) AS person FROM users u WHERE name = 'Margaret Hill'")
    own = {"id", "tenant_id", "email", "name", "phone_number", "twilio_number", "created_at", "updated_at"}
    by_row, by_file = (
        {name: wish for name, wish in json.loads(found[0]["person"]).items() if name not in own}
        for found in (plain, applied)
    )
    assert by_file == by_row
