"""SMS: messages out with their delivery, messages in, opt-outs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final

import smsutil

from callguard.errors import ProtocolError
from callguard.local.twilio import debugger as codes
from callguard.local.twilio.account import API_VERSION, Numbers, new_sid, utc_now
from callguard.local.twilio.handset import Handset, PhoneBook, SmsStatus
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import Callback
from callguard.local.twilio.twiml import parse_messages
from callguard.local.twilio.webhooks import Deliveries

STOP_WORDS: Final = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START_WORDS: Final = frozenset({"START", "YES", "UNSTOP"})
# Seconds of call time until a message reaches each status.
DELAYS: Final[Mapping[str, float]] = {
    "sending": 0.1,
    "sent": 0.3,
    "delivered": 1.0,
    "undelivered": 1.0,
    "failed": 0.1,
}


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A message reached a status: `at` by time.monotonic(), `wall` by the calendar."""

    status: str
    at: float
    wall: datetime


@dataclass(slots=True)
class Message:
    """An SMS as Twilio keeps it. `requested_at` is when the stand-in took it, by time.monotonic()."""

    from_number: str
    to_number: str
    body: str = field(repr=False)
    direction: str
    status: str
    error_code: int | None = None
    messaging_service_sid: str | None = None
    sid: str = field(default_factory=lambda: new_sid("SM"))
    requested_at: float = field(default_factory=monotonic)
    created: datetime = field(default_factory=utc_now)
    updated: datetime = field(default_factory=utc_now)
    sent: datetime | None = None
    history: list[StatusChange] = field(default_factory=list)

    @property
    def segments(self) -> int:
        """How many segments the carrier counts."""
        return max(1, len(smsutil.split(self.body).parts))

    def reach(self, status: str, error_code: int | None = None) -> None:
        """Move on to a status."""
        self.status = status
        self.error_code = error_code
        self.updated = utc_now()
        if status == "sent":
            self.sent = self.updated
        self.history.append(StatusChange(status, monotonic(), self.updated))


class Messaging:
    """Carries messages between the account's numbers and handsets."""

    def __init__(self, network: Network, phone_book: PhoneBook, numbers: Numbers) -> None:
        self.messages: dict[str, Message] = {}
        self._network = network
        self._phone_book = phone_book
        self._numbers = numbers
        self._opted_out: set[tuple[str, str]] = set()

    def has_opted_out(self, from_number: str, to_number: str) -> bool:
        """Whether the recipient sent STOP to this number."""
        return (to_number, from_number) in self._opted_out

    def accept(
        self,
        from_number: str,
        to_number: str,
        body: str,
        *,
        direction: str = "outbound-api",
        service_sid: str | None = None,
    ) -> Message:
        """Take a message to be sent; `dispatch` sends it."""
        message = Message(
            from_number, to_number, body, direction, "queued", messaging_service_sid=service_sid
        )
        message.reach("queued")
        self.messages[message.sid] = message
        return message

    def dispatch(self, message: Message, callback: Callback) -> None:
        """Send it in the background."""
        self._network.tasks.spawn(self._carry(message, callback))

    async def _carry(self, message: Message, callback: Callback) -> None:
        handset = self._phone_book[message.to_number]
        statuses = ["sending", "sent", handset.on_sms.status.value]
        if handset.on_sms.status is SmsStatus.FAILED:
            statuses = ["sending", "failed"]
        deliveries = Deliveries(self._network.webhooks, self._network.tasks)
        for status in statuses:
            await self._network.clock.sleep(DELAYS[status])
            if message.status == "canceled":
                return
            message.reach(status, handset.on_sms.error_code if status == statuses[-1] else None)
            if callback.url:
                deliveries.post(callback.url, self._status_params(message), callback.method)
        if message.status == "delivered":
            await self._reply(message, handset)

    def _status_params(self, message: Message) -> dict[str, str]:
        return {
            "AccountSid": self._network.account.sid,
            "ApiVersion": API_VERSION,
            "From": message.from_number,
            "To": message.to_number,
            "MessageSid": message.sid,
            "MessageStatus": message.status,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            **({"ErrorCode": str(message.error_code)} if message.error_code else {}),
            **(
                {"MessagingServiceSid": message.messaging_service_sid}
                if message.messaging_service_sid
                else {}
            ),
        }

    async def _reply(self, message: Message, handset: Handset) -> None:
        reply = handset.reply_to(message.body)
        if reply is not None:
            await self._network.clock.sleep(handset.reply_after_seconds)
            await self.receive(message.to_number, message.from_number, reply)

    async def receive(self, from_number: str, to_number: str, body: str) -> Message:
        """A handset writes to a number of the account; returns once its webhook has answered."""
        number = self._numbers.find(to_number)
        if number is None:
            raise ProtocolError("The account has no such number; add it to the stand-in first.")
        message = Message(from_number, to_number, body, "inbound", "received")
        message.reach("received")
        self.messages[message.sid] = message
        self._opt(from_number, to_number, body)
        if number.sms_url:
            text = await self._ask(message, number.sms_url, number.sms_method, number.sms_fallback_url)
            for answer in text:
                if not self.has_opted_out(to_number, from_number):
                    self.dispatch(
                        self.accept(to_number, from_number, answer, direction="outbound-reply"), Callback()
                    )
        return message

    def _opt(self, from_number: str, to_number: str, body: str) -> None:
        word = body.strip().upper()
        if word in STOP_WORDS:
            self._opted_out.add((from_number, to_number))
        elif word in START_WORDS:
            self._opted_out.discard((from_number, to_number))

    async def _ask(self, message: Message, url: str, method: str, fallback_url: str) -> tuple[str, ...]:
        params = {
            "AccountSid": self._network.account.sid,
            "ApiVersion": API_VERSION,
            "From": message.from_number,
            "To": message.to_number,
            "Body": message.body,
            "MessageSid": message.sid,
            "SmsMessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": str(message.segments),
            "FromCountry": "US",
            "ToCountry": "US",
        }
        reply = await self._network.webhooks.send(url, params, method)
        if reply.failure and fallback_url:
            reply = await self._network.webhooks.send(fallback_url, params)
        if reply.failure or not reply.text.strip():
            return ()
        try:
            return parse_messages(reply.text)
        except ProtocolError as error:
            self._network.debugger.tell(codes.DOCUMENT_PARSE_FAILURE, error.message)
            return ()
