"""Settings in, running services out: the only place where the parts are put together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import openai
import structlog
from starlette.routing import BaseRoute, WebSocketRoute

from callguard.alerting.answers import CARRY_OUT, Answers
from callguard.alerting.email import EmailAlerts, Mailer
from callguard.alerting.endpoint import alert_routes
from callguard.alerting.invitations import INVITE, Invitations
from callguard.alerting.ladder import TAKE_STEP, UNDO_STEP, Ladder
from callguard.alerting.ladder_endpoint import ladder_routes
from callguard.alerting.letters import Letters
from callguard.alerting.notice_endpoint import notice_routes
from callguard.alerting.notices import SEND_NOTICE, NoticeSender, Operator
from callguard.alerting.outbox import ESCALATE, SEND_ALERT, AlertChannel, Outbox
from callguard.alerting.push import PushAlerts, Vapid, public_session
from callguard.alerting.speech import AlertSpeech
from callguard.alerting.subscribing.routes import subscribing_routes
from callguard.analysis.analyst import ANALYSE, JUDGE, Analyst
from callguard.analysis.catalogue import default_catalogue
from callguard.analysis.judge import Judge, OpenAIJudge
from callguard.analysis.local_scorer import LocalScorer, default_lexicon
from callguard.api.protection import protection_routes
from callguard.canary.caller import CANARY_CALL, CANARY_DUE, CANARY_TEXT, CANARY_WATCH, Canary, Numbers
from callguard.canary.endpoint import canary_routes
from callguard.canary.speech import CanarySpeech
from callguard.config import Settings
from callguard.dashboard.access import Access
from callguard.dashboard.routes import dashboard_routes
from callguard.dashboard.source import DatabaseSnapshots
from callguard.db import migrate
from callguard.db.listen import Listener
from callguard.db.pool import Database
from callguard.domain.alerts import Caps, Channel
from callguard.errors import DatabaseUnavailable, EmbeddedPostgresError, SchemaOutdated
from callguard.evidence.routes import evidence_routes
from callguard.heartbeat import Heartbeat
from callguard.intake.aftercare import Aftercare
from callguard.intake.asking import DIAL, WATCH_TRANSCRIPTION
from callguard.intake.dialling import Dialler
from callguard.intake.endpoints import Intake
from callguard.intake.phone_screening import ANSWER_PHONE, PhoneScreening
from callguard.intake.recorder import Recorder
from callguard.intake.records import LOOK_AFTER, TELL_UNREACHABLE, TRANSCRIBE_MESSAGE
from callguard.intake.routes import RouteBook
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import LANGUAGE_CODES, Twiml
from callguard.listening.afterwards import SETTLE_AFTERWARDS, Afterwards, Seats
from callguard.listening.book import StreamFiguresBook
from callguard.listening.local import LocalTranscriber
from callguard.listening.voicemail import DELETE_RECORDING, Voicemails
from callguard.listening.watch import RESTART_TRANSCRIPTION, WATCH_STREAM, ListeningWatch
from callguard.local.postgres import Cluster, DataFolderLock, EmbeddedPostgres
from callguard.media.admission import Admission
from callguard.media.endpoint import LiveStreams, make_media_endpoint
from callguard.speech.recogniser import WhisperFactory
from callguard.telephony.destinations import Destinations
from callguard.telephony.twilio import TwilioTelephony
from callguard.transcript.notices import SEND_NOTICES
from callguard.transcript.spool import Spool
from callguard.trust.contact_links import PURPOSE as CONTACT_LINKS
from callguard.trust.contact_links import ContactLinks
from callguard.trust.keys import Keys, load_keys
from callguard.trust.links import AlertLinks
from callguard.trust.passes import PassIssuer
from callguard.trust.sealing import Sealer
from callguard.worker import Handler, Worker

KEYWORD_CHANNEL = "keyword_detected"
SUPERVISE_SECONDS = 2.0
RESTART_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What runs, and the doors it serves. `stopping` is set when the server begins to stop."""

    settings: Settings
    keys: Keys
    database: Database
    spool: Spool
    listener: Listener
    streams: LiveStreams
    routes: list[BaseRoute]
    stopping: asyncio.Event


@asynccontextmanager
async def database_urls(
    settings: Settings, say: Callable[[str], None] | None = None
) -> AsyncIterator[Cluster]:
    """The database to use: the one configured, or the embedded one, started or joined.

    Raises EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        owner = settings.database_url.get_secret_value()
        app = settings.database_app_url
        yield Cluster(owner_dsn=owner, app_dsn=app.get_secret_value() if app else owner)
        return
    async with EmbeddedPostgres(settings.data_dir, say=say) as cluster:
        yield cluster


@asynccontextmanager
async def open_services(settings: Settings, stopping: asyncio.Event | None = None) -> AsyncIterator[Services]:
    """Everything that serves, from start to clean stop.

    Raises:
        DataFolderInUse, EmbeddedPostgresError, ConfigurationError, SchemaOutdated: what is wrong, and what
        to do.

    """
    async with AsyncExitStack() as stack:
        keys = await asyncio.to_thread(load_keys, settings)
        if keys.fresh:
            log.warning(
                "master_key_made",
                keep_a_copy_of=str(keys.path),
                why="without it what it sealed can't be read",
            )
        embedded: EmbeddedPostgres | None = None
        if settings.database_url is None:
            stack.enter_context(DataFolderLock(settings.data_dir))
            embedded = EmbeddedPostgres(settings.data_dir)
            cluster = await stack.enter_async_context(embedded)
            await migrate.migrate(cluster.owner_dsn)
        else:
            cluster = await stack.enter_async_context(database_urls(settings))
            await _check_schema(cluster.owner_dsn)
        services, tasks = await _build(settings, keys, cluster, stack, stopping or asyncio.Event())
        if embedded is not None:
            tasks["embedded_postgres"] = lambda: _supervise(embedded)
        # The sign of life ends last: what is still being drained must not be taken over.
        await stack.enter_async_context(_in_background({"listener": services.listener.run}))
        await stack.enter_async_context(_in_background(tasks))
        stack.push_async_callback(services.streams.close_all)
        stack.callback(services.stopping.set)
        yield services


async def _check_schema(owner_dsn: str) -> None:
    try:
        missing = await migrate.pending(owner_dsn)
    except DatabaseUnavailable as error:
        # Calls must connect all the same: from the route book, with facts spooled.
        log.error("database_away_at_start", code=error.code)
        return
    if missing:
        raise SchemaOutdated(f"The database lacks {', '.join(missing)}. Run: callguard migrate")


async def _build(
    settings: Settings, keys: Keys, cluster: Cluster, stack: AsyncExitStack, stopping: asyncio.Event
) -> tuple[Services, dict[str, Callable[[], Awaitable[None]]]]:
    database = Database(cluster.app_dsn, size=settings.database_pool_size)
    stack.push_async_callback(database.close)
    spool = Spool(settings.data_dir / "spool", Sealer(keys.derive("spool")))
    await asyncio.to_thread(spool.open)
    route_book = RouteBook(settings.data_dir / "routes.sealed", Sealer(keys.derive("routes")))
    await asyncio.to_thread(route_book.load)

    telephony = TwilioTelephony(
        account_sid=keys.twilio_account_sid,
        auth_token=keys.twilio_auth_token,
        base_url=settings.twilio_base_url,
    )
    stack.push_async_callback(telephony.close)
    hears_itself = settings.transcription == "local"
    recogniser = await _recogniser(stack, warm=hears_itself)
    passes = PassIssuer(keys.derive("stream passes"))
    signatures = SignatureGate(
        _accepted_tokens(settings, keys),
        settings.base_url,
        rotated_by=settings.twilio_auth_token_secondary_until,
    )
    twiml = Twiml(
        settings.base_url,
        passes,
        {lang: _hints(lang) for lang in LANGUAGE_CODES},
        transcribe=not hears_itself,
    )

    wake = asyncio.Event()
    recorder = Recorder(database, spool, wake, settings.webhook_database_seconds)
    phones = PhoneScreening(database, telephony, twiml)
    voicemails = Voicemails(database, telephony, recogniser)
    destinations = Destinations(settings.alert_countries)
    dialler = Dialler(database, telephony, twiml, destinations)
    speech = AlertSpeech(settings.base_url)
    sender = settings.twilio_alert_number
    links = AlertLinks(keys.derive("alert links"), settings.base_url)
    mailer = Mailer(settings, settings.smtp_host) if settings.smtp_host else None
    vapid = Vapid.from_settings(settings, keys.derive("web push"))
    push_session = await stack.enter_async_context(public_session())
    receipts = AlertLinks(keys.derive("push receipts"), settings.base_url)
    others: dict[Channel, AlertChannel] = {
        Channel.APP: PushAlerts(database, vapid, push_session, links, receipts)
    }
    if mailer is not None:
        others[Channel.EMAIL] = EmailAlerts(mailer, sender)
    outbox = Outbox(
        database,
        telephony,
        speech,
        Letters(links),
        destinations,
        sender,
        settings.alert_answer_seconds,
        others,
    )
    operator = Operator(settings.operator_email, settings.operator_number)
    notices = NoticeSender(database, telephony, mailer, operator, sender, settings.base_url)
    invitations = Invitations(database, telephony, destinations, settings.base_url, sender)
    answers = Answers(database, telephony, speech, invitations, destinations, sender, wake)
    ladder = Ladder(database, telephony, speech, destinations, sender)
    canary = Canary(
        database,
        telephony,
        CanarySpeech(settings.base_url, twiml),
        Numbers(canary=settings.canary_number or sender, alerts=sender, operator=settings.operator_number),
        settings.webhook_database_seconds,
    )
    analyst = Analyst(database, LocalScorer(default_lexicon()), _judge(settings, stack), _caps(settings))
    seats = Seats(settings.local_recognition_calls)
    backlog_bytes = settings.local_recognition_backlog_mb * 1_000_000
    afterwards = Afterwards(database, recorder, recogniser, seats, most_bytes=backlog_bytes)
    local = LocalTranscriber(recorder, recogniser, seats, afterwards, is_first=hears_itself)
    streams = LiveStreams(settings.media_max_streams)
    watch = ListeningWatch(database, telephony, twiml, streams, transcribed=not hears_itself)
    handlers = {
        WATCH_TRANSCRIPTION: Handler(watch.transcription, attempts=20),
        RESTART_TRANSCRIPTION: Handler(watch.restart_transcription, attempts=4),
        SETTLE_AFTERWARDS: Handler(afterwards.settle, attempts=20),
        WATCH_STREAM: Handler(watch.stream, attempts=4),
        DIAL: Handler(dialler.dial, attempts=4, gave_up=dialler.dial_gave_up),
        TELL_UNREACHABLE: Handler(dialler.tell_unreachable, attempts=3),
        ANSWER_PHONE: Handler(phones.answer, attempts=4),
        TRANSCRIBE_MESSAGE: Handler(voicemails.transcribe, attempts=10, gave_up=voicemails.not_transcribed),
        DELETE_RECORDING: Handler(voicemails.delete, attempts=20),
        LOOK_AFTER: Handler(Aftercare(database, telephony).look_after, attempts=20),
        ANALYSE: Handler(analyst.analyse, attempts=20),
        JUDGE: Handler(analyst.judge, attempts=4),
        SEND_ALERT: Handler(outbox.send, attempts=20, gave_up=outbox.gave_up),
        ESCALATE: Handler(outbox.escalate, attempts=20),
        TAKE_STEP: Handler(ladder.move, attempts=6, gave_up=ladder.gave_up),
        UNDO_STEP: Handler(ladder.move, attempts=20, gave_up=ladder.gave_up),
        INVITE: Handler(invitations.send, attempts=8, gave_up=invitations.gave_up),
        CANARY_DUE: Handler(canary.due, attempts=4),
        CANARY_CALL: Handler(canary.call, attempts=4),
        CANARY_WATCH: Handler(canary.watch, attempts=20),
        CANARY_TEXT: Handler(canary.text, attempts=6),
        SEND_NOTICES: Handler(notices.collect, attempts=20),
        SEND_NOTICE: Handler(notices.send, attempts=20, gave_up=notices.gave_up),
        CARRY_OUT: Handler(answers.carry_out, attempts=6, gave_up=answers.gave_up),
    }
    listener = Listener(cluster.app_dsn, KEYWORD_CHANNEL, wake)
    worker = Worker(database, handlers, wake, holder=listener.present)
    media = make_media_endpoint(
        Admission(database, signatures, passes), StreamFiguresBook(database, local), streams, ear=local
    )
    services = Services(
        settings=settings,
        keys=keys,
        database=database,
        spool=spool,
        listener=listener,
        streams=streams,
        stopping=stopping,
        routes=[
            *Intake(recorder, route_book, twiml, canary.arrive).http_routes(signatures),
            *canary_routes(canary, signatures),
            *phones.http_routes(signatures),
            *alert_routes(outbox, answers, invitations, speech, signatures),
            *ladder_routes(ladder, speech, signatures),
            *evidence_routes(database, answers, links, settings.evidence_hours),
            *notice_routes(notices, signatures),
            *subscribing_routes(
                database,
                ContactLinks(keys.derive(CONTACT_LINKS), settings.base_url),
                vapid.public_key,
                outbox,
                receipts,
            ),
            WebSocketRoute("/media-stream", media),
            *protection_routes(database, Access(keys.dashboard, secure=True), wake),
            *dashboard_routes(
                DatabaseSnapshots(database),
                key=keys.dashboard,
                secure=settings.base_url.startswith("https://"),
                stopping=stopping,
            ),
        ],
    )
    tasks: dict[str, Callable[[], Awaitable[None]]] = {
        "worker": worker.run,
        "afterwards": afterwards.run,
        "replay": recorder.run,
        "canary": canary.run,
        "route_book": lambda: route_book.run(database),
    }
    if settings.heartbeat_url is not None:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        tasks["heartbeat"] = Heartbeat(settings.heartbeat_url, worker.is_well, session).run
    return services, tasks


async def _recogniser(stack: AsyncExitStack, *, warm: bool) -> WhisperFactory:
    """Speech recognition on this computer; loaded by the first who needs it, or now.

    Raises ConfigurationError where it is wanted now and not installed.
    """
    recogniser = WhisperFactory()
    stack.callback(recogniser.close)
    if warm:
        await recogniser.warm()
    return recogniser


def _accepted_tokens(settings: Settings, keys: Keys) -> list[str]:
    secondary = settings.twilio_auth_token_secondary
    return [keys.twilio_auth_token, *([secondary.get_secret_value()] if secondary else [])]


def _caps(settings: Settings) -> Caps:
    return Caps(settings.alert_most_an_hour, settings.alert_most_a_day, settings.alert_most_of_all_a_day)


def _hints(language: str) -> list[str]:
    return [keyword.phrase for keyword in default_catalogue(language)]


def _judge(settings: Settings, stack: AsyncExitStack) -> Judge | None:
    if not settings.llm_configured:
        return None
    key = settings.openai_api_key
    client = openai.AsyncOpenAI(
        # A server at home needs no key, but the SDK wants one.
        api_key=key.get_secret_value() if key else "unused",
        base_url=settings.openai_base_url,
        max_retries=0,
    )
    stack.push_async_callback(client.close)
    return OpenAIJudge(client, settings.openai_model)


async def _supervise(embedded: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(SUPERVISE_SECONDS)
        try:
            await embedded.ensure_running()
        except EmbeddedPostgresError as error:
            log.error("embedded_postgres_not_running", code=error.code)


@asynccontextmanager
async def _in_background(tasks: dict[str, Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    running = [asyncio.create_task(_restarting(name, run), name=name) for name, run in tasks.items()]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _restarting(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """A bug in one part must not end the others, nor that part for good."""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001
            log.error("background_task_raised", task=name, error=type(error).__name__)
        await asyncio.sleep(RESTART_SECONDS)
