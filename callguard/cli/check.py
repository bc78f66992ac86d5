"""`callguard check`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

import httpx
import typer
from rich.console import Console
from rich.table import Table

from callguard.bootstrap import database_urls
from callguard.cli.running import run
from callguard.config import Settings, load_settings
from callguard.db import migrate
from callguard.errors import CallguardError, TelephonyError
from callguard.telephony.twilio import TwilioTelephony
from callguard.trust.keys import load_keys

PROBE_SECONDS = 5.0
PROBLEMS = 1


class State(StrEnum):
    """How a part fares."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, what was seen, and what to do about it."""

    part: str
    state: State
    seen: str
    todo: str = ""


_STYLES = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "bold red"}


def check() -> None:
    """Tell what is configured, what is reachable, what is wrong, and what to do.

    Status 1 if anything is wrong.
    """
    findings = run(_check(load_settings()))
    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "seen", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(
            finding.part, f"[{_STYLES[finding.state]}]{finding.state}[/]", finding.seen, finding.todo
        )
    Console().print(table)
    if any(finding.state is State.WRONG for finding in findings):
        raise typer.Exit(PROBLEMS)


async def _check(settings: Settings) -> list[Finding]:
    return [finding async for finding in _findings(settings)]


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield _data_folder(settings)
    yield await _database(settings)
    yield await _server(settings)
    yield await _telephone(settings)
    yield _judge(settings)
    yield _speech(settings)


def _data_folder(settings: Settings) -> Finding:
    try:
        keys = load_keys(settings)
    except CallguardError as error:
        return Finding("data folder", State.WRONG, error.code, error.message)
    todo = "" if settings.master_key else f"Keep a copy of {keys.path}: it holds the master key."
    return Finding(
        "data folder", State.OK if settings.master_key else State.NOTE, str(settings.data_dir), todo
    )


async def _database(settings: Settings) -> Finding:
    kind = "embedded Postgres" if settings.database_url is None else "Postgres at DATABASE_URL"
    try:
        async with database_urls(settings) as cluster:
            missing = await migrate.pending(cluster.owner_dsn)
    except CallguardError as error:
        return Finding("database", State.WRONG, kind, str(error))
    if missing:
        return Finding(
            "database", State.WRONG, f"{kind}, {len(missing)} migrations behind", "Run: callguard migrate"
        )
    return Finding("database", State.OK, f"{kind}, up to date")


async def _server(settings: Settings) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
            reply = await client.get(f"{settings.base_url}/health")
            health = reply.json()
    except (httpx.HTTPError, ValueError):
        return Finding(
            "server",
            State.NOTE if settings.local_mode else State.WRONG,
            f"nothing answers at {settings.base_url}",
            "Start it with `callguard serve`, and set PUBLIC_BASE_URL to the address that Twilio reaches.",
        )
    degraded = health.get("status") != "ok"
    return Finding(
        "server",
        State.NOTE if degraded else State.OK,
        f"{settings.base_url}: {health.get('status')}, database {health.get('database')}",
        "Calls connect, but part of it is away: see its log." if degraded else "",
    )


async def _telephone(settings: Settings) -> Finding:
    if settings.local_mode:
        return Finding(
            "telephone",
            State.NOTE,
            "local mode: calls come from the stand-in",
            "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN for real calls.",
        )
    keys = load_keys(settings)
    telephony = TwilioTelephony(
        account_sid=keys.twilio_account_sid,
        auth_token=keys.twilio_auth_token,
        base_url=settings.twilio_base_url,
    )
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            numbers = await telephony.voice_urls()
    except (TelephonyError, TimeoutError) as error:
        return Finding("telephone", State.WRONG, "Twilio account", str(error) or "Twilio gave no answer.")
    finally:
        await telephony.close()
    wanted = f"{settings.base_url}/incoming-call"
    pointed = [url for url, _ in numbers if url.partition("#")[0] == wanted]
    if not pointed:
        return Finding(
            "telephone",
            State.WRONG,
            f"Twilio account with {len(numbers)} numbers, none of which comes here",
            f"Set the number's voice webhook to {wanted}",
        )
    if not all(fallback for url, fallback in numbers if url in pointed):
        return Finding(
            "telephone",
            State.NOTE,
            f"{len(pointed)} numbers come here, without a fallback",
            "Give each a fallback URL with static TwiML that dials the person: "
            "calls then connect while this server is down.",
        )
    return Finding("telephone", State.OK, f"{len(pointed)} of {len(numbers)} numbers come here")


def _judge(settings: Settings) -> Finding:
    if not settings.llm_configured:
        return Finding(
            "LLM judge",
            State.NOTE,
            "off: the local scorer judges alone",
            "Set OPENAI_API_KEY or OPENAI_BASE_URL.",
        )
    return Finding("LLM judge", State.OK, f"model {settings.openai_model}")


def _speech(settings: Settings) -> Finding:
    alone = settings.transcription == "local"
    try:
        from callguard.speech.recogniser import model_folder  # noqa: PLC0415  # optional, and slow to look for

        model_folder()
    except CallguardError as error:
        state = State.WRONG if alone else State.NOTE
        return Finding("local speech recognition", state, "not installed", error.message)
    part = "hears every call" if alone else "takes over where Twilio's transcription fails"
    calls = settings.local_recognition_calls
    return Finding("local speech recognition", State.OK, f"installed, English; {part}, {calls} calls at once")
