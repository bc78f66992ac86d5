"""What callguard is made of, room by room: which part needs which, the work it does, the doors it serves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import openai
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
from callguard.analysis import models
from callguard.analysis.analyst import ANALYSE, JUDGE, JUDGE_VOICE, Analyst
from callguard.analysis.catalogue import shipped_hints
from callguard.analysis.catalogue_store import keep_shipped
from callguard.analysis.desk import JudgeDesk
from callguard.analysis.judge import OpenAIJudge
from callguard.analysis.llm import ChatServer
from callguard.analysis.sources import Sources
from callguard.api.feedback import feedback_routes
from callguard.api.protection import protection_routes
from callguard.canary.caller import CANARY_CALL, CANARY_DUE, CANARY_TEXT, CANARY_WATCH, Canary, Numbers
from callguard.canary.endpoint import canary_routes
from callguard.canary.speech import CanarySpeech
from callguard.config import Settings
from callguard.dashboard.access import Access
from callguard.dashboard.routes import dashboard_routes
from callguard.dashboard.saying import DatabaseSaying
from callguard.dashboard.source import DatabaseSnapshots
from callguard.db.pool import Database
from callguard.domain.alerts import Caps, Channel
from callguard.domain.judging import Budget, Prices
from callguard.evidence.routes import evidence_routes
from callguard.intake.aftercare import Aftercare
from callguard.intake.asking import DIAL, RESTART_TRANSCRIPTION, WATCH_TRANSCRIPTION
from callguard.intake.dialling import Dialler
from callguard.intake.endpoints import Intake
from callguard.intake.phone_screening import ANSWER_PHONE, PhoneScreening
from callguard.intake.recorder import Recorder
from callguard.intake.records import LOOK_AFTER, TELL_UNREACHABLE, TRANSCRIBE_MESSAGE
from callguard.intake.routes import RouteBook
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import Twiml
from callguard.listening.afterwards import SETTLE_AFTERWARDS, Afterwards, Seats
from callguard.listening.book import StreamFiguresBook
from callguard.listening.ears import Ears
from callguard.listening.local import LocalTranscriber
from callguard.listening.voice import VoiceWatch
from callguard.listening.voice_book import VoiceBook
from callguard.listening.voice_judge import VoiceJudge
from callguard.listening.voice_workers import VoiceWorkers
from callguard.listening.voicemail import DELETE_RECORDING, Voicemails
from callguard.listening.watch import WATCH_STREAM, ListeningWatch
from callguard.media.admission import Admission
from callguard.media.endpoint import LiveStreams, make_media_endpoint
from callguard.memory.book import PURPOSE as MEMORY
from callguard.memory.book import Memory, Rememberer
from callguard.memory.feedback import REMEMBER
from callguard.speech.recogniser import WhisperFactory
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import Telephony
from callguard.telephony.twilio import TwilioTelephony
from callguard.transcript.notices import SEND_NOTICES
from callguard.transcript.spool import Spool
from callguard.trust.contact_links import PURPOSE as CONTACT_LINKS
from callguard.trust.contact_links import ContactLinks
from callguard.trust.keys import Keys
from callguard.trust.links import AlertLinks
from callguard.trust.passes import PassIssuer
from callguard.trust.sealing import Sealer
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.remote import RemoteDetector
from callguard.voiceprints.keyring import keyring
from callguard.worker import Handler

Task = Callable[[], Awaitable[None]]

SCORED_AT_ONCE = 2
"""Threads that score words: the model computes outside Python's lock, so a second one is worth its while."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the rooms stand on. `sender` is the number that alerts come from, where it is not the person's."""

    settings: Settings
    keys: Keys
    stack: AsyncExitStack
    stopping: asyncio.Event
    wake: asyncio.Event
    database: Database
    spool: Spool
    recorder: Recorder
    telephony: Telephony
    destinations: Destinations
    signatures: SignatureGate
    passes: PassIssuer
    twiml: Twiml
    recogniser: WhisperFactory
    streams: LiveStreams
    links: AlertLinks
    memory: Memory
    sender: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """What a room brings: doors, kinds of work, and what runs beside them."""

    routes: Sequence[BaseRoute] = ()
    work: dict[str, Handler] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)


async def lay_ground(
    settings: Settings, keys: Keys, app_dsn: str, stack: AsyncExitStack, stopping: asyncio.Event
) -> Ground:
    """Raises ConfigurationError where speech recognition is wanted and not installed."""
    database = Database(app_dsn, size=settings.database_pool_size)
    stack.push_async_callback(database.close)
    spool = Spool(settings.data_dir / "spool", Sealer(keys.derive("spool")))
    await asyncio.to_thread(spool.open)
    telephony = TwilioTelephony(
        account_sid=keys.twilio_account_sid,
        auth_token=keys.twilio_auth_token,
        base_url=settings.twilio_base_url,
    )
    stack.push_async_callback(telephony.close)
    recogniser = WhisperFactory()
    stack.callback(recogniser.close)
    if settings.transcription == "local":  # else whoever needs it first loads it
        await recogniser.warm()
    passes = PassIssuer(keys.derive("stream passes"))
    wake = asyncio.Event()
    return Ground(
        settings=settings,
        keys=keys,
        stack=stack,
        stopping=stopping,
        wake=wake,
        database=database,
        spool=spool,
        recorder=Recorder(database, spool, wake, settings.webhook_database_seconds),
        telephony=telephony,
        destinations=Destinations(settings.alert_countries),
        signatures=SignatureGate(
            _accepted_tokens(settings, keys),
            settings.base_url,
            rotated_by=settings.twilio_auth_token_secondary_until,
        ),
        passes=passes,
        twiml=Twiml(
            settings.base_url,
            passes,
            shipped_hints(),
            transcribe=settings.transcription != "local",
        ),
        recogniser=recogniser,
        streams=LiveStreams(settings.media_max_streams),
        links=AlertLinks(keys.derive("alert links"), settings.base_url),
        memory=Memory(keys.derive(MEMORY), is_on=settings.caller_memory),
        sender=settings.twilio_alert_number,
    )


async def all_parts(ground: Ground) -> list[Part]:
    """The rooms, on a call's way."""
    canary = Canary(
        ground.database,
        ground.telephony,
        CanarySpeech(ground.settings.base_url, ground.twiml),
        Numbers(
            canary=ground.settings.canary_number or ground.sender,
            alerts=ground.sender,
            operator=ground.settings.operator_number,
        ),
        ground.settings.webhook_database_seconds,
    )
    return [
        await _intake(ground, canary),
        _listening(ground),
        _analysis(ground),
        await _alerting(ground),
        _canary(ground, canary),
        _pages(ground),
    ]


async def _intake(ground: Ground, canary: Canary) -> Part:
    database, telephony, twiml = ground.database, ground.telephony, ground.twiml
    route_book = RouteBook(ground.settings.data_dir / "routes.sealed", Sealer(ground.keys.derive("routes")))
    await asyncio.to_thread(route_book.load)
    phones = PhoneScreening(database, telephony, twiml)
    dialler = Dialler(database, telephony, twiml, ground.destinations)
    intake = Intake(ground.recorder, route_book, twiml, canary.arrive)
    return Part(
        routes=[*intake.http_routes(ground.signatures), *phones.http_routes(ground.signatures)],
        work={
            DIAL: Handler(dialler.dial, attempts=4, gave_up=dialler.dial_gave_up),
            TELL_UNREACHABLE: Handler(dialler.tell_unreachable, attempts=3),
            ANSWER_PHONE: Handler(phones.answer, attempts=4),
            LOOK_AFTER: Handler(Aftercare(database, telephony).look_after, attempts=20),
        },
        tasks={"replay": ground.recorder.run, "route_book": lambda: route_book.run(database)},
    )


def _listening(ground: Ground) -> Part:
    settings, database, recorder = ground.settings, ground.database, ground.recorder
    hears_itself = settings.transcription == "local"
    seats = Seats(settings.local_recognition_calls)
    afterwards = Afterwards(
        database,
        recorder,
        ground.recogniser,
        seats,
        most_bytes=settings.local_recognition_backlog_mb * 1_000_000,
    )
    local = LocalTranscriber(recorder, ground.recogniser, seats, afterwards, is_first=hears_itself)
    voice = _voice(ground)
    media = make_media_endpoint(
        Admission(database, ground.signatures, ground.passes),
        StreamFiguresBook(database, local),
        ground.streams,
        ear=Ears(local, voice) if voice else local,
    )
    watch = ListeningWatch(
        database, ground.telephony, ground.twiml, ground.streams, transcribed=not hears_itself
    )
    voicemails = Voicemails(database, ground.telephony, ground.recogniser)
    return Part(
        routes=[WebSocketRoute("/media-stream", media)],
        work={
            WATCH_TRANSCRIPTION: Handler(watch.transcription, attempts=20),
            RESTART_TRANSCRIPTION: Handler(watch.restart_transcription, attempts=4),
            WATCH_STREAM: Handler(watch.stream, attempts=4),
            SETTLE_AFTERWARDS: Handler(afterwards.settle, attempts=20),
            TRANSCRIBE_MESSAGE: Handler(
                voicemails.transcribe, attempts=10, gave_up=voicemails.not_transcribed
            ),
            DELETE_RECORDING: Handler(voicemails.delete, attempts=20),
        },
        tasks={"afterwards": afterwards.run, **({"voice": voice.run} if voice else {})},
    )


def _voice(ground: Ground) -> VoiceWatch | None:
    settings = ground.settings
    if not settings.voice_workers:
        return None
    workers = VoiceWorkers(Choice.of(settings).name, settings.voice_workers)
    ground.stack.push_async_callback(workers.close)
    url, key = settings.deepfake_api_url, settings.deepfake_api_key
    server = RemoteDetector(url, key.get_secret_value() if key else None) if url else None
    keys = keyring(settings.voiceprint_key) if settings.compares_voices else None
    return VoiceWatch(VoiceBook(ground.database, keys), VoiceJudge(workers, server), settings.voice_workers)


def _analysis(ground: Ground) -> Part:
    settings = ground.settings
    caps = Caps(settings.alert_most_an_hour, settings.alert_most_a_day, settings.alert_most_of_all_a_day)
    desk = _judge_desk(ground)
    threads = ThreadPoolExecutor(max_workers=SCORED_AT_ONCE, thread_name_prefix="scorer")
    ground.stack.callback(threads.shutdown, wait=False, cancel_futures=True)
    beside = Sources(settings.voice_workers > 0, settings.compares_voices)
    analyst = Analyst(ground.database, models.load(), threads, desk, caps, ground.memory, beside)
    return Part(
        work={
            ANALYSE: Handler(analyst.analyse, attempts=20),
            JUDGE: Handler(analyst.judge, attempts=4),
            JUDGE_VOICE: Handler(analyst.judge_voice, attempts=20),
            REMEMBER: Handler(Rememberer(ground.database, ground.memory).remember, attempts=20),
        },
        tasks={"shipped_keywords": lambda: keep_shipped(ground.database)},
    )


async def _alerting(ground: Ground) -> Part:
    settings, keys, signatures = ground.settings, ground.keys, ground.signatures
    database, telephony, sender = ground.database, ground.telephony, ground.sender
    speech = AlertSpeech(settings.base_url)
    mailer = Mailer(settings, settings.smtp_host) if settings.smtp_host else None
    vapid = Vapid.from_settings(settings, keys.derive("web push"))
    receipts = AlertLinks(keys.derive("push receipts"), settings.base_url)
    push_session = await ground.stack.enter_async_context(public_session())
    others: dict[Channel, AlertChannel] = {
        Channel.APP: PushAlerts(database, vapid, push_session, ground.links, receipts)
    }
    if mailer is not None:
        others[Channel.EMAIL] = EmailAlerts(mailer, sender)
    outbox = Outbox(
        database,
        telephony,
        speech,
        Letters(ground.links),
        ground.destinations,
        sender,
        settings.alert_answer_seconds,
        others,
    )
    operator = Operator(settings.operator_email, settings.operator_number)
    notices = NoticeSender(database, telephony, mailer, operator, sender, settings.base_url)
    invitations = Invitations(database, telephony, ground.destinations, settings.base_url, sender)
    answers = Answers(database, telephony, speech, invitations, ground.destinations, sender, ground.wake)
    ladder = Ladder(database, telephony, speech, ground.destinations, sender)
    contact_links = ContactLinks(keys.derive(CONTACT_LINKS), settings.base_url)
    return Part(
        routes=[
            *alert_routes(outbox, answers, invitations, speech, signatures),
            *ladder_routes(ladder, speech, signatures),
            *notice_routes(notices, signatures),
            *evidence_routes(database, answers, ground.links, settings.evidence_hours),
            *subscribing_routes(database, contact_links, vapid.public_key, outbox, receipts),
        ],
        work={
            SEND_ALERT: Handler(outbox.send, attempts=20, gave_up=outbox.gave_up),
            ESCALATE: Handler(outbox.escalate, attempts=20),
            CARRY_OUT: Handler(answers.carry_out, attempts=6, gave_up=answers.gave_up),
            TAKE_STEP: Handler(ladder.move, attempts=6, gave_up=ladder.gave_up),
            UNDO_STEP: Handler(ladder.move, attempts=20, gave_up=ladder.gave_up),
            INVITE: Handler(invitations.send, attempts=8, gave_up=invitations.gave_up),
            SEND_NOTICES: Handler(notices.collect, attempts=20),
            SEND_NOTICE: Handler(notices.send, attempts=20, gave_up=notices.gave_up),
        },
    )


def _canary(ground: Ground, canary: Canary) -> Part:
    return Part(
        routes=canary_routes(canary, ground.signatures),
        work={
            CANARY_DUE: Handler(canary.due, attempts=4),
            CANARY_CALL: Handler(canary.call, attempts=4),
            CANARY_WATCH: Handler(canary.watch, attempts=20),
            CANARY_TEXT: Handler(canary.text, attempts=6),
        },
        tasks={"canary": canary.run},
    )


def _pages(ground: Ground) -> Part:
    key = ground.keys.dashboard
    access = Access(key, secure=True)
    return Part(
        routes=[
            *protection_routes(
                ground.database,
                access,
                ground.wake,
                ground.settings.canary_number or ground.sender,
            ),
            *feedback_routes(ground.database, access, ground.wake),
            *dashboard_routes(
                DatabaseSnapshots(ground.database),
                DatabaseSaying(ground.database, ground.wake),
                key=key,
                secure=ground.settings.base_url.startswith("https://"),
                stopping=ground.stopping,
            ),
        ]
    )


def _accepted_tokens(settings: Settings, keys: Keys) -> list[str]:
    secondary = settings.twilio_auth_token_secondary
    return [keys.twilio_auth_token, *([secondary.get_secret_value()] if secondary else [])]


def _judge_desk(ground: Ground) -> JudgeDesk | None:
    settings = ground.settings
    if not settings.llm_configured:
        return None
    key = settings.openai_api_key
    client = openai.AsyncOpenAI(
        # A server at home needs no key, but the SDK wants one.
        api_key=key.get_secret_value() if key else "unused",
        base_url=settings.openai_base_url,
        max_retries=0,
    )
    ground.stack.push_async_callback(client.close)
    judge = OpenAIJudge(ChatServer(client, settings.openai_model))
    prices = Prices(settings.llm_price_input, settings.llm_price_output)
    usd = settings.llm_daily_usd
    budget = Budget(settings.llm_daily_tokens, None if usd is None else round(usd * 1_000_000))
    return JudgeDesk(ground.database, judge, prices, budget)
