"""What `callguard check` tells of keywords, and of how early calls are judged."""

from collections import Counter

from callguard.analysis import catalogue_store
from callguard.cli.finding import Finding, State
from callguard.config import Settings
from callguard.db.pool import Database
from callguard.domain.analysis_policy import AnalysisPolicy
from callguard.people import book


async def words_findings(settings: Settings, database: Database) -> list[Finding]:
    """The policies of all people, and organisations' own catalogues that are older than the shipped ones."""
    people = await book.organisations(database)
    chosen = Counter[str](person.analysis_policy for each in people for person in each.people)
    overtaken = []
    for each in people:
        for language in sorted({person.language for person in each.people}):
            async with database.tenant(each.tenant_id) as session:
                known = await catalogue_store.versions(session, each.tenant_id, language)
            own = next((version for version in known if version.in_force and not version.shipped), None)
            shipped = next((version for version in known if version.shipped), None)
            if own is not None and shipped is not None and own.created_at < shipped.created_at:
                overtaken.append(f"{each.name} ({language})")
    return [_policies(settings, chosen), *([_overtaken(overtaken)] if overtaken else [])]


def _policies(settings: Settings, chosen: Counter[str]) -> Finding:
    seen = ", ".join(f"{name}: {count}" for name, count in sorted(chosen.items())) or "nobody yet"
    always = chosen[AnalysisPolicy.ALWAYS]
    if always and settings.llm_configured:
        todo = "The words of every call of theirs go to the LLM's provider; local_always keeps them at home."
        return Finding("analysis policy", State.NOTE, seen, todo)
    if always:
        todo = "Without an LLM set up, always is no more than local_always."
        return Finding("analysis policy", State.NOTE, seen, todo)
    return Finding("analysis policy", State.OK, seen)


def _overtaken(whose: list[str]) -> Finding:
    return Finding(
        "keywords",
        State.NOTE,
        f"own catalogue, older than the one callguard ships now: {', '.join(whose)}",
        "Compare: callguard keywords restore shipped --dry-run",
    )
