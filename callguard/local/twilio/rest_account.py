"""REST: Messages, and the account's telephone numbers."""

from dataclasses import replace
from typing import Any, Final

from callguard.local.twilio import resources
from callguard.local.twilio.account import Account, Numbers, PhoneNumber, utc_now
from callguard.local.twilio.messaging import Message, Messaging
from callguard.local.twilio.options import Callback
from callguard.local.twilio.rest import (
    Answer,
    Inquiry,
    Refused,
    Routes,
    in_range,
    is_number,
    not_found,
    page,
    refuse_value,
)

LONGEST_BODY: Final = 1600
# Numbers that nobody has, kept by the numbering plan for examples.
SPARE_NUMBERS: Final = tuple(f"+120255501{ending:02}" for ending in range(90, 100))
_NUMBER_FIELDS: Final = {
    "FriendlyName": "friendly_name",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
}


class MessagesApi:
    """SMS."""

    def __init__(self, account: Account, messaging: Messaging, numbers: Numbers) -> None:
        self._account = account
        self._messaging = messaging
        self._numbers = numbers

    def routes(self) -> Routes:
        """Method, path below the account, handler."""
        return (
            ("POST", "/Messages.json", self.create),
            ("GET", "/Messages.json", self.list_all),
            ("GET", "/Messages/{sid}.json", self.fetch),
            ("POST", "/Messages/{sid}.json", self.update),
            ("DELETE", "/Messages/{sid}.json", self.delete),
        )

    async def create(self, inquiry: Inquiry) -> Answer:
        """Send a message."""
        to_number, body = inquiry.get("To"), inquiry.get("Body")
        if not to_number:
            raise Refused(21604, "A 'To' phone number is required")
        if not is_number(to_number):
            raise Refused(21211, "The 'To' number is not a valid phone number")
        from_number = self._sender(inquiry)
        if not body:
            raise Refused(21602, "Message body is required")
        if len(body) > LONGEST_BODY:
            raise Refused(21617, "The message body exceeds the 1600 character limit")
        if self._messaging.has_opted_out(from_number, to_number):
            raise Refused(21610, "Attempt to send to unsubscribed recipient")
        service_sid = inquiry.get("MessagingServiceSid") or None
        message = self._messaging.accept(from_number, to_number, body, service_sid=service_sid)
        callback = Callback(inquiry.values().url("statusCallback"))

        async def dispatch() -> None:
            self._messaging.dispatch(message, callback)

        return Answer(resources.message(message, self._account.sid), 201, dispatch)

    def _sender(self, inquiry: Inquiry) -> str:
        from_number = inquiry.get("From")
        if not from_number and inquiry.get("MessagingServiceSid"):
            from_number = next((owned.number for owned in self._numbers), "")
        if not from_number:
            raise Refused(21603, "A 'From' phone number is required")
        if not is_number(from_number):
            raise Refused(21212, "The 'From' number is not a valid phone number")
        if self._numbers.find(from_number) is None:
            raise Refused(21606, "The 'From' number is not a number of this account")
        return from_number

    async def list_all(self, inquiry: Inquiry) -> Answer:
        """The messages, newest first."""
        to_number, from_number = inquiry.get("To"), inquiry.get("From")
        found = [
            message
            for message in reversed(self._messaging.messages.values())
            if to_number in {"", message.to_number}
            and from_number in {"", message.from_number}
            and in_range(inquiry, "DateSent", message.sent)
        ]
        return page(inquiry, "messages", [resources.message(each, self._account.sid) for each in found])

    async def fetch(self, inquiry: Inquiry) -> Answer:
        """One message."""
        return Answer(resources.message(self._message(inquiry), self._account.sid))

    async def update(self, inquiry: Inquiry) -> Answer:
        """Cancel a message that waits, or wipe the text of one that was sent."""
        message = self._message(inquiry)
        if inquiry.get("Status") == "canceled":
            if message.status != "queued":
                raise Refused(30409, "The message can't be canceled any more", 409)
            message.reach("canceled")
        if inquiry.params.get("Body") == ("",):
            message.body = ""
        return Answer(resources.message(message, self._account.sid))

    async def delete(self, inquiry: Inquiry) -> Answer:
        """Forget a message."""
        del self._messaging.messages[self._message(inquiry).sid]
        return Answer(None, 204)

    def _message(self, inquiry: Inquiry) -> Message:
        message = self._messaging.messages.get(inquiry.ids["sid"])
        if message is None:
            raise not_found()
        return message


class NumbersApi:
    """The account's numbers and a few that it could have."""

    def __init__(self, account: Account, numbers: Numbers) -> None:
        self._account = account
        self._numbers = numbers

    def routes(self) -> Routes:
        """Method, path below the account, handler."""
        return (
            ("GET", "/IncomingPhoneNumbers.json", self.list_all),
            ("POST", "/IncomingPhoneNumbers.json", self.create),
            ("GET", "/IncomingPhoneNumbers/{sid}.json", self.fetch),
            ("POST", "/IncomingPhoneNumbers/{sid}.json", self.update),
            ("DELETE", "/IncomingPhoneNumbers/{sid}.json", self.delete),
            ("GET", "/AvailablePhoneNumbers/{country}/Local.json", self.available),
        )

    async def list_all(self, inquiry: Inquiry) -> Answer:
        """The account's numbers."""
        number, name = inquiry.get("PhoneNumber"), inquiry.get("FriendlyName")
        owned = [
            each for each in self._numbers if number in {"", each.number} and name in {"", each.friendly_name}
        ]
        shown = [resources.phone_number(each, self._account.sid) for each in owned]
        return page(inquiry, "incoming_phone_numbers", shown)

    async def create(self, inquiry: Inquiry) -> Answer:
        """Take a number, by itself or any with an area code."""
        number = inquiry.get("PhoneNumber")
        if not number and inquiry.get("AreaCode"):
            number = next((spare for spare in self._spare(inquiry.get("AreaCode"))), "")
        if not is_number(number):
            raise Refused(21421, "PhoneNumber is invalid")
        if self._numbers.find(number):
            raise Refused(21422, "PhoneNumber is not available")
        owned = _changed(PhoneNumber(number), inquiry)
        self._numbers.put(owned)
        return Answer(resources.phone_number(owned, self._account.sid), 201)

    async def fetch(self, inquiry: Inquiry) -> Answer:
        """One number."""
        return Answer(resources.phone_number(self._number(inquiry), self._account.sid))

    async def update(self, inquiry: Inquiry) -> Answer:
        """Change what is asked when the number is called or written to."""
        owned = _changed(self._number(inquiry), inquiry)
        self._numbers.put(owned)
        return Answer(resources.phone_number(owned, self._account.sid))

    async def delete(self, inquiry: Inquiry) -> Answer:
        """Give a number back."""
        self._numbers.remove(self._number(inquiry).sid)
        return Answer(None, 204)

    async def available(self, inquiry: Inquiry) -> Answer:
        """A few numbers to take; in Twilio's document this list is paged like any other."""
        spare = self._spare(inquiry.get("AreaCode"))
        return page(inquiry, "available_phone_numbers", [resources.available_number(each) for each in spare])

    def _spare(self, area_code: str) -> list[str]:
        return [
            number
            for number in SPARE_NUMBERS
            if number.startswith("+1" + area_code) and not self._numbers.find(number)
        ]

    def _number(self, inquiry: Inquiry) -> PhoneNumber:
        owned = self._numbers.by_sid(inquiry.ids["sid"])
        if owned is None:
            raise not_found()
        return owned


def _changed(number: PhoneNumber, inquiry: Inquiry) -> PhoneNumber:
    changes: dict[str, Any] = {
        field: inquiry.get(name) for name, field in _NUMBER_FIELDS.items() if name in inquiry.params
    }
    if any(value not in {"GET", "POST"} for field, value in changes.items() if field.endswith("_method")):
        refuse_value("A method must be GET or POST")
    return replace(number, updated=utc_now(), **changes)
