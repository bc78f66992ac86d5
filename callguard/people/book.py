"""People in the database, read and written as a people file says them: all of it or nothing."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel, ValidationError

from callguard.alerting.invitations import request_invitation
from callguard.analysis import catalogue_store
from callguard.db.pool import Database, Row, Session
from callguard.errors import DatabaseError, InvitationRefused, PeopleError
from callguard.people.file import Contact, Delivery, PeopleFile, Person

# SQLSTATE 23505: a number or an e-mail address is taken.
TAKEN = "DATABASE_23505"
# The fields of a person that are rows of other tables.
ELSEWHERE = frozenset({"allow", "block", "delivery", "contact"})

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant and its people."""

    tenant_id: UUID
    name: str
    people: list[Person]


async def organisations(database: Database) -> list[Organisation]:
    """Everybody, oldest organisation first. Raises DatabaseError, PeopleError."""
    async with database.session() as session:
        tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
    found = []
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            name = await session.value("tenants.name", tenant_id)
            people = [_person(row) for row in await session.rows("people.described")]
        found.append(Organisation(tenant_id, name, people))
    return found


def _person(row: Row) -> Person:
    said = _fields(Person, row["person"]) | {
        "contact": [_fields(Contact, contact) for contact in row["contacts"]],
        "delivery": [_fields(Delivery, delivery) for delivery in row["deliveries"]],
        "allow": row["allowed"],
        "block": row["blocked"],
    }
    try:
        return Person.model_validate(said)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        raise PeopleError(
            f"A person in the database (id {row['person']['id']}) is not as callguard writes them: {places}."
        ) from None


def _fields(model: type[BaseModel], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields if name in row}


async def apply(database: Database, file: PeopleFile, *, dry_run: bool = False) -> list[str]:
    """Makes the database say what the file says; gives what differed, a line each.

    People and organisations that the file doesn't name are left alone. Raises DatabaseError, PeopleError.
    """
    known = [o for o in await organisations(database) if o.name == file.organisation]
    if len(known) > 1:
        raise PeopleError("Several organisations have this name: give them different ones first.")
    before = {person.email: person for person in known[0].people} if known else {}
    changes = [] if known else [f"+ organisation {file.organisation}"]
    for person in file.person:
        changes += differences(before.get(person.email), person)
    if changes and not dry_run:
        tenant_id = known[0].tenant_id if known else uuid4()
        try:
            async with database.tenant(tenant_id) as session:
                await catalogue_store.ship(session)
                await session.run("tenants.create", tenant_id, file.organisation)
                for person in file.person:
                    if before.get(person.email) != person:
                        await _store(session, tenant_id, person)
        except DatabaseError as error:
            if error.code != TAKEN:
                raise
            raise PeopleError(
                "A number in the file is another person's already. Nothing was changed."
            ) from None
    return changes


async def _store(session: Session, tenant_id: UUID, person: Person) -> None:
    said = person.model_dump(mode="json", exclude=set(ELSEWHERE))
    user_id = await _put(
        session, "users", ["tenant_id", "email"], said | {"tenant_id": str(tenant_id), "updated_at": "now"}
    )
    own = {"tenant_id": str(tenant_id), "user_id": str(user_id)}
    await session.run("people.forget_contacts", user_id, [c.phone_number for c in person.contact])
    for contact in person.contact:
        key = ["tenant_id", "user_id", "phone_number"]
        contact_id = await _put(session, "emergency_contacts", key, own | contact.model_dump(mode="json"))
        # Who has confirmed, or was asked lately, is not asked again.
        with suppress(InvitationRefused):
            await request_invitation(session, tenant_id, contact_id)
    await session.run("people.forget_deliveries", user_id, [d.address or "" for d in person.delivery])
    for position, delivery in enumerate(person.delivery, 1):
        key = ["tenant_id", "user_id", "address"]
        row = own | delivery.model_dump(mode="json") | {"position": position}
        await _put(session, "delivery_routes", key, row)
    await session.run("people.forget_rules", user_id, [*person.allow, *person.block])
    for rule, numbers in (("allow", person.allow), ("block", person.block)):
        for number in numbers:
            key = ["tenant_id", "user_id", "number"]
            await _put(session, "caller_rules", key, own | {"number": number, "rule": rule})


async def _put(session: Session, table: str, key: list[str], row: dict[str, Any]) -> UUID:
    row_id: UUID = await session.value("people.put", table, key, row)
    return row_id


def differences(before: Person | None, after: Person) -> list[str]:
    """What changes about a person: `+` new, `-` gone, `~` other, each with its path."""
    old = {} if before is None else _flat(before)
    new = _flat(after)
    lines = [] if before is not None else [f"+ person {after.email}"]
    for path in sorted(old.keys() | new.keys()):
        place = f"{after.email} {path}"
        if path not in old:
            lines.append(f"+ {place} = {new[path]}")
        elif path not in new:
            lines.append(f"- {place} = {old[path]}")
        elif old[path] != new[path]:
            lines.append(f"~ {place}: {old[path]} -> {new[path]}")
    return lines


def _flat(person: Person) -> dict[str, str]:
    """Everything said of a person, by its path; contacts and callers by their number, ways by their place."""
    said = person.model_dump(mode="json", exclude_none=True)
    flat = {name: str(value) for name, value in said.items() if name not in ELSEWHERE}
    for rule in ("allow", "block"):
        flat |= {f"{rule}[{number}]": "yes" for number in said[rule]}
    for place, delivery in enumerate(said["delivery"], 1):
        flat[f"delivery[{place}]"] = " ".join(delivery.values())
    for contact in said["contact"]:
        number = contact.pop("phone_number")
        flat |= {f"contact[{number}].{name}": str(value) for name, value in contact.items()}
    return flat
