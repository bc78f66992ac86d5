"""What the LLM judge used: read for people who pay for it."""

import datetime as dt

import msgspec

from callguard.db.pool import Database


class DayUse(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation's use of one model on one day (UTC).

    `micro_usd`: millionths of a US dollar, None where prices were not known; `median_ms`: a question's time.
    """

    organisation: str
    day: dt.date
    model: str
    questions: int
    answered: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    is_estimated: bool
    micro_usd: int | None
    median_ms: int
    budget_spent: bool

    @property
    def tokens(self) -> int:
        """Sent and answered."""
        return self.prompt_tokens + self.completion_tokens


async def use_of_all(database: Database, days: int) -> list[DayUse]:
    """The use of each organisation in the last days, today with them, newest first. Raises DatabaseError."""
    async with database.session() as session:
        tenants = [row["id"] for row in await session.rows("tenants.ids")]
    found: list[DayUse] = []
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            name = await session.value("tenants.name", tenant_id)
            rows = await session.rows("llm.usage", tenant_id, days)
        found += [DayUse(organisation=name, **row) for row in rows]
    return found


def dollars(micro_usd: int | None) -> str:
    """An amount as people read it; empty where it isn't known."""
    return "" if micro_usd is None else f"${micro_usd / 1_000_000:.4f}"
