"""What every part of the stand-in shares: the account, call time, webhooks, the debugger, the recogniser."""

from dataclasses import dataclass, field

from callguard.local.twilio.account import Account
from callguard.local.twilio.clock import Clock
from callguard.local.twilio.debugger import Debugger
from callguard.local.twilio.recordings import Recordings
from callguard.local.twilio.tasks import Tasks
from callguard.local.twilio.webhooks import Webhooks
from callguard.speech.port import RecogniserFactory


@dataclass(frozen=True, slots=True)
class Network:
    """The wiring below the telephone exchange. `tasks` owns what belongs to no call."""

    account: Account
    clock: Clock
    debugger: Debugger
    webhooks: Webhooks
    recogniser: RecogniserFactory | None
    tasks: Tasks = field(default_factory=Tasks)
    recordings: Recordings = field(default_factory=Recordings)
