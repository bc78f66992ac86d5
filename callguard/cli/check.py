"""`callguard check`."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

from callguard.analysis.llm_book import use_of_all
from callguard.app import LEAST_DISK_MB
from callguard.cli.check_words import words_findings
from callguard.cli.database import opened_database
from callguard.cli.finding import Finding, State
from callguard.cli.live_check import Live
from callguard.cli.numbers import configure as set_up
from callguard.cli.numbers import persons_numbers, print_numbers
from callguard.cli.running import run
from callguard.config import Settings, load_settings
from callguard.db.pool import Database
from callguard.errors import CallguardError, TelephonyError
from callguard.telephony.twilio import TwilioTelephony
from callguard.trust.keys import load_keys
from callguard.trust.logs import set_up_logs

PROBE_SECONDS = 5.0
PROBLEMS = 1


_STYLES = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "bold red"}


def check(
    live: Annotated[
        bool, typer.Option("--live", help="Place a test call now, and show how far it comes.")
    ] = False,
    person: Annotated[
        str | None, typer.Option(help="With --live: only the person of this name or e-mail address.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="With --live: print its result as JSON, and nothing else.")
    ] = False,
    configure: Annotated[
        bool, typer.Option("--configure", help="Set the people's Twilio numbers as they must be.")
    ] = False,
) -> None:
    """Tell what is configured, what is reachable, what is wrong, and what to do.

    Status 1 if anything is wrong, or a test call did not come through.
    """
    settings = load_settings()
    set_up_logs("error" if settings.log_level == "info" else settings.log_level, settings.log_format)
    console = Console(stderr=json)
    if not run(_check(settings, console, Live(person, json) if live else None, configure=configure)):
        raise typer.Exit(PROBLEMS)


async def _check(settings: Settings, console: Console, live: Live | None, *, configure: bool) -> bool:
    async with AsyncExitStack() as stack:
        database: Database | CallguardError
        try:
            database = await stack.enter_async_context(opened_database(settings, migrating=False))
        except CallguardError as error:
            database = error
        findings = [finding async for finding in _findings(settings, database)]
        if isinstance(database, Database):
            findings += await words_findings(settings, database)
        _print(console, findings)
        well = all(finding.state is not State.WRONG for finding in findings)
        if isinstance(database, Database):
            well &= await _numbers(settings, database, console, configure=configure)
            if live is not None:
                well &= await live.run(settings, database, console)
    return well


def _print(console: Console, findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "seen", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(
            finding.part, f"[{_STYLES[finding.state]}]{finding.state}[/]", finding.seen, finding.todo
        )
    console.print(table)


async def _numbers(settings: Settings, database: Database, console: Console, *, configure: bool) -> bool:
    """The people's Twilio numbers; whether all are set as they must be, as far as is known."""
    if settings.local_mode:
        return print_numbers(console, await persons_numbers(settings, database, None), looked_up=False)
    async with _telephony(settings) as telephony:
        try:
            account = await telephony.numbers()
            numbers = await persons_numbers(settings, database, account)
            for number in await set_up(telephony, numbers) if configure else []:
                console.print(f"{number.number}: set as it must be.", markup=False)
            if configure:
                numbers = await persons_numbers(settings, database, await telephony.numbers())
        except TelephonyError as error:
            console.print(str(error), style="red", markup=False)
            return False
    return print_numbers(console, numbers, looked_up=True)


@asynccontextmanager
async def _telephony(settings: Settings) -> AsyncIterator[TwilioTelephony]:
    keys = load_keys(settings)
    telephony = TwilioTelephony(
        account_sid=keys.twilio_account_sid,
        auth_token=keys.twilio_auth_token,
        base_url=settings.twilio_base_url,
    )
    try:
        yield telephony
    finally:
        await telephony.close()


async def _findings(settings: Settings, database: Database | CallguardError) -> AsyncIterator[Finding]:
    yield _data_folder(settings)
    yield _database(settings, database)
    yield await _server(settings)
    yield await _telephone(settings)
    yield _canary(settings)
    yield _notices(settings)
    yield await _judge(settings, database)
    yield _speech(settings)


def _data_folder(settings: Settings) -> Finding:
    try:
        keys = load_keys(settings)
    except CallguardError as error:
        return Finding("data folder", State.WRONG, error.code, error.message)
    free_mb = shutil.disk_usage(settings.data_dir).free // 2**20
    if free_mb < LEAST_DISK_MB:
        return Finding(
            "data folder", State.WRONG, f"{settings.data_dir}: {free_mb} MB left", "Free disk space there."
        )
    todo = "" if settings.master_key else f"Keep a copy of {keys.path}: it holds the master key."
    return Finding(
        "data folder", State.OK if settings.master_key else State.NOTE, str(settings.data_dir), todo
    )


def _database(settings: Settings, database: Database | CallguardError) -> Finding:
    kind = "embedded Postgres" if settings.database_url is None else "Postgres at DATABASE_URL"
    if isinstance(database, CallguardError):
        return Finding("database", State.WRONG, kind, str(database))
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
    seen = f"{settings.base_url}: {health.get('status')}, database {health.get('database')}"
    if not degraded and not health.get("listening"):
        return Finding(
            "server",
            State.NOTE,
            f"{seen}, notifications do not arrive",
            "Work is polled. Give DATABASE_APP_URL a direct or session connection, not a pooler's.",
        )
    return Finding(
        "server",
        State.NOTE if degraded else State.OK,
        seen,
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
    try:
        async with _telephony(settings) as telephony, asyncio.timeout(PROBE_SECONDS):
            numbers = [
                (number.settings.voice_url, number.settings.voice_fallback_url)
                for number in await telephony.numbers()
            ]
    except (TelephonyError, TimeoutError) as error:
        return Finding("telephone", State.WRONG, "Twilio account", str(error) or "Twilio gave no answer.")
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
            "Give each a fallback URL with static TwiML that dials the person, as printed below: "
            "calls then connect while this server is down.",
        )
    return Finding("telephone", State.OK, f"{len(pointed)} of {len(numbers)} numbers come here")


def _canary(settings: Settings) -> Finding:
    if settings.canary_number or settings.twilio_alert_number:
        return Finding("test calls", State.OK, "Place one now: callguard check --live")
    return Finding(
        "test calls",
        State.NOTE,
        "no number to call from",
        "Set CANARY_NUMBER to a Twilio number of yours that is no protected person's.",
    )


def _notices(settings: Settings) -> Finding:
    by_mail = settings.operator_email is not None and settings.smtp_host is not None
    if by_mail or settings.operator_number:
        return Finding("notices", State.OK, f"go to the operator by {'e-mail' if by_mail else 'SMS'}")
    return Finding(
        "notices",
        State.NOTE,
        "the operator finds them on the dashboard alone",
        "Set OPERATOR_NUMBER, or OPERATOR_EMAIL and SMTP_HOST, to be told when something fails.",
    )


async def _judge(settings: Settings, database: Database | CallguardError) -> Finding:
    if not settings.llm_configured:
        return Finding(
            "LLM judge",
            State.NOTE,
            "off: the local scorer judges alone",
            "Set OPENAI_API_KEY or OPENAI_BASE_URL.",
        )
    seen = f"model {settings.openai_model}"
    if isinstance(database, Database):
        today = await use_of_all(database, days=1)
        questions, tokens = sum(use.questions for use in today), sum(use.tokens for use in today)
        seen += f"; today {questions} questions, {tokens} tokens"
        if any(use.budget_spent for use in today):
            todo = "Raise CALLGUARD_LLM_DAILY_TOKENS or CALLGUARD_LLM_DAILY_USD; see callguard llm usage."
            return Finding("LLM judge", State.NOTE, f"{seen}; a day's budget is spent", todo)
    return Finding("LLM judge", State.OK, seen)


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
