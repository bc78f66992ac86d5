"""Telephony by Twilio's SDK. Whether Twilio or the stand-in answers is a matter of the base URL alone."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import aiohttp
import msgspec
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.response import Response
from twilio.rest import Client

from callguard.errors import TelephonyError, TelephonyUnreachable
from callguard.telephony.http import TwilioTransport
from callguard.telephony.numbers import NumberSettings, OwnedNumber
from callguard.telephony.port import DialledLeg, SentMessage

PERSON = "person"
RING_SECONDS = 40
LEG_EVENTS = ["initiated", "ringing", "answered", "completed"]

# Twilio's refusals of a caller ID: the number may not be used, or does not match the call token.
CALLER_REFUSED = frozenset({21210, 21212})
# Its refusals to change a leg that has ended: not in progress, unknown.
LEG_OVER = frozenset({21220, 20404})
OK = 200
NOT_FOUND = 404


class TwilioTelephony:
    """Implements `Telephony`. Make it inside the running event loop, and close it."""

    def __init__(self, *, account_sid: str, auth_token: str, base_url: str) -> None:
        self._transport = TwilioTransport(base_url)
        # An empty environment keeps the SDK from reading settings that callguard does not document.
        self._client = Client(
            account_sid, auth_token, http_client=self._transport, environment={"TWILIO_REGION": ""}
        )

    async def dial_into_conference(
        self,
        *,
        conference: str,
        to: str,
        caller: str,
        fallback_caller: str,
        call_token: str | None,
        status_callback: str,
        answered_by_callback: str,
    ) -> DialledLeg:
        callbacks = (status_callback, answered_by_callback)
        if call_token is None:
            sid = await self._dial(conference, to, fallback_caller, None, *callbacks)
            return DialledLeg(sid, used_call_token=False, token_refused=None)
        try:
            sid = await self._dial(conference, to, caller, call_token, *callbacks)
        except TelephonyError as error:
            if error.twilio_code not in CALLER_REFUSED:
                raise
            sid = await self._dial(conference, to, fallback_caller, None, *callbacks)
            return DialledLeg(sid, used_call_token=False, token_refused=str(error.twilio_code))
        return DialledLeg(sid, used_call_token=True, token_refused=None)

    async def _dial(
        self,
        conference: str,
        to: str,
        caller: str,
        call_token: str | None,
        status_callback: str,
        answered_by_callback: str,
    ) -> str:
        token = {} if call_token is None else {"call_token": call_token}
        with _twilio_errors("dial the person"):
            participant = await self._client.conferences(conference).participants.create_async(
                from_=caller,
                to=to,
                label=PERSON,
                timeout=RING_SECONDS,
                beep="false",
                early_media=True,
                start_conference_on_enter=True,
                end_conference_on_exit=True,
                status_callback=status_callback,
                status_callback_event=LEG_EVENTS,
                machine_detection="Enable",
                amd_status_callback=answered_by_callback,
                **token,
            )
        return str(participant.call_sid)

    async def leg_in_conference(
        self, conference: str, label: str = PERSON, known: Collection[str] = ()
    ) -> str | None:
        with _twilio_errors("look up a conference"):
            for found in await self._client.conferences.list_async(friendly_name=conference, limit=1):
                for participant in await self._client.conferences(found.sid).participants.list_async(
                    limit=20
                ):
                    if participant.label == label and participant.call_sid not in known:
                        return str(participant.call_sid)
        return None

    async def add_contact(self, *, conference: str, to: str, sender: str, label: str) -> str:
        with _twilio_errors("bring in a contact"):
            participant = await self._client.conferences(conference).participants.create_async(
                from_=sender,
                to=to,
                label=label,
                timeout=RING_SECONDS,
                beep="false",
                early_media=False,
                start_conference_on_enter=False,
                end_conference_on_exit=False,
            )
        return str(participant.call_sid)

    async def hold(self, *, conference: str, label: str, on: bool, announcement: str) -> None:
        with _twilio_errors("hold a participant"):
            for found in await self._client.conferences.list_async(friendly_name=conference, limit=1):
                participant = self._client.conferences(found.sid).participants(label)
                await participant.update_async(hold=on, hold_url=announcement, hold_method="POST")

    async def announce(self, *, conference: str, label: str, url: str) -> bool:
        with _twilio_errors("speak to a participant"):
            for found in await self._client.conferences.list_async(friendly_name=conference, limit=1):
                participant = self._client.conferences(found.sid).participants(label)
                await participant.update_async(announce_url=url, announce_method="POST")
                return True
        return False

    async def end_leg(self, call_sid: str) -> None:
        try:
            with _twilio_errors("hang up on a leg"):
                await self._client.calls(call_sid).update_async(status="completed")
        except TelephonyError as error:
            if error.twilio_code not in LEG_OVER:
                raise

    async def place_call(self, *, to: str, sender: str, twiml: str, status_callback: str | None) -> str:
        told = (
            {"status_callback": status_callback, "status_callback_event": LEG_EVENTS}
            if status_callback
            else {}
        )
        with _twilio_errors("ring a contact"):
            placed = await self._client.calls.create_async(
                to=to, from_=sender, twiml=twiml, timeout=RING_SECONDS, **told
            )
        return str(placed.sid)

    async def ring_for_test(
        self, *, to: str, sender: str, url: str, status_callback: str, ring_seconds: int
    ) -> str:
        with _twilio_errors("place a test call"):
            placed = await self._client.calls.create_async(
                to=to, from_=sender, url=url, timeout=ring_seconds, status_callback=status_callback
            )
        return str(placed.sid)

    async def find_call(self, *, to: str, sender: str, since: datetime) -> str | None:
        # Twilio dates by the second.
        since = since.replace(microsecond=0)
        with _twilio_errors("look up a call"):
            for placed in await self._client.calls.list_async(to=to, from_=sender, limit=20):
                if placed.direction == "outbound-api" and placed.date_created >= since:
                    return str(placed.sid)
        return None

    async def drop_leg(self, conference: str, call_sid: str) -> None:
        with _twilio_errors("end a leg"):
            for found in await self._client.conferences.list_async(friendly_name=conference, limit=1):
                participant = self._client.conferences(found.sid).participants(call_sid)
                try:
                    await participant.update_async(end_conference_on_exit=False)
                except TwilioRestException as error:
                    if error.status != NOT_FOUND:  # a leg that still rings takes no part yet
                        raise
            await self._client.calls(call_sid).update_async(status="completed")

    async def change_participant(
        self, *, conference: str, call_sid: str, ends_conference: bool, announcement: str | None
    ) -> None:
        spoken = {} if announcement is None else {"announce_url": announcement, "announce_method": "POST"}
        with _twilio_errors("change a participant"):
            for found in await self._client.conferences.list_async(friendly_name=conference, limit=1):
                participant = self._client.conferences(found.sid).participants(call_sid)
                try:
                    await participant.update_async(end_conference_on_exit=ends_conference, **spoken)
                except TwilioRestException as error:
                    if error.status != NOT_FOUND:
                        raise

    async def recording(self, recording_sid: str) -> bytes | None:
        path = f"/2010-04-01/Accounts/{self._client.account_sid}/Recordings/{recording_sid}.wav"
        with _twilio_errors("fetch a recording"):
            status, content = await self._transport.download(
                path, (self._client.username, self._client.password)
            )
        if status == NOT_FOUND:
            return None
        if status != OK:
            raise _refusal("fetch a recording", status, status)
        return content

    async def delete_recording(self, recording_sid: str) -> None:
        try:
            with _twilio_errors("delete a recording"):
                await self._client.recordings(recording_sid).delete_async()
        except TelephonyError as error:
            if error.status != NOT_FOUND:
                raise

    async def call_status(self, call_sid: str) -> str | None:
        try:
            with _twilio_errors("look up a call"):
                return str((await self._client.calls(call_sid).fetch_async()).status)
        except TelephonyError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def redirect(self, call_sid: str, twiml: str) -> None:
        with _twilio_errors("redirect a leg"):
            await self._client.calls(call_sid).update_async(twiml=twiml)

    async def start_stream(self, call_sid: str, *, name: str, url: str, token: str) -> None:
        with _twilio_errors("stream a leg's audio"):
            await self._client.calls(call_sid).streams.create_async(
                url=url, name=name, track="both_tracks", parameter1_name="token", parameter1_value=token
            )

    async def start_transcription(
        self, call_sid: str, *, name: str, language_code: str, hints: str, callback: str
    ) -> None:
        with _twilio_errors("transcribe a leg"):
            await self._client.calls(call_sid).transcriptions.create_async(
                name=name,
                track="both_tracks",
                inbound_track_label="caller",
                outbound_track_label="callee",
                language_code=language_code,
                partial_results=True,
                profanity_filter=False,
                enable_automatic_punctuation=False,
                hints=hints,
                status_callback_url=callback,
                status_callback_method="POST",
            )

    async def stop_transcription(self, call_sid: str, session: str) -> None:
        try:
            with _twilio_errors("stop a transcription"):
                await self._client.calls(call_sid).transcriptions(session).update_async(status="stopped")
        except TelephonyError as error:
            if error.may_pass:
                raise

    async def send_message(self, *, to: str, sender: str, body: str, status_callback: str) -> SentMessage:
        with _twilio_errors("send a message"):
            sent = await self._client.messages.create_async(
                to=to, from_=sender, body=body, status_callback=status_callback
            )
        return _message(sent)

    async def find_message(self, *, to: str, body: str, since: datetime) -> SentMessage | None:
        with _twilio_errors("look up a message"):
            for sent in await self._client.messages.list_async(to=to, date_sent_after=since, limit=50):
                if sent.body == body:
                    return _message(sent)
        return None

    async def numbers(self) -> list[OwnedNumber]:
        """The numbers of the account, and what is asked when they are called or written to."""
        with _twilio_errors("list the account's numbers"):
            found = await self._client.incoming_phone_numbers.list_async(limit=1000)
        names = [field.name for field in fields(NumberSettings)]
        return [
            OwnedNumber(
                str(each.sid),
                str(each.phone_number),
                NumberSettings(**{name: getattr(each, name) or "" for name in names}),
            )
            for each in found
        ]

    async def set_number(self, sid: str, settings: NumberSettings) -> None:
        """Sets what is asked when a number is called or written to."""
        with _twilio_errors("set a number up"):
            await self._client.incoming_phone_numbers(sid).update_async(**asdict(settings))

    async def close(self) -> None:
        await self._transport.close()


def _message(sent: Any) -> SentMessage:  # noqa: ANN401  # twilio ships no types
    return SentMessage(sid=str(sent.sid), status=str(sent.status))


@contextmanager
def _twilio_errors(what: str) -> Iterator[None]:
    """The SDK's errors as ours; Twilio's message is left out, since it repeats the number it refuses."""
    try:
        yield
    except TwilioRestException as error:
        raise _refusal(what, error.status, error.code) from None
    except TwilioException as error:
        # Lists are told apart from other requests: their refusal carries the response instead of its fields.
        if len(error.args) > 1 and isinstance(error.args[1], Response):
            raise _refusal(what, error.args[1].status_code, _code(error.args[1])) from None
        raise _silence(what, error) from None
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _silence(what, error) from None


def _refusal(what: str, status: int, code: int) -> TelephonyError:
    return TelephonyError(
        f"Twilio refused to {what} (HTTP {status}, code {code}). "
        f"What the code means: https://www.twilio.com/docs/api/errors/{code}",
        status=status,
        twilio_code=code,
    )


def _silence(what: str, error: Exception) -> TelephonyUnreachable:
    return TelephonyUnreachable(
        f"Twilio gave no answer to a request to {what} ({type(error).__name__}). "
        "It is looked up before it is repeated."
    )


def _code(response: Response) -> int:
    """Twilio's own code, or the HTTP status where something before Twilio answered."""
    try:
        return int(msgspec.json.decode(response.text, type=_TwilioError).code)
    except msgspec.DecodeError:
        return int(response.status_code)


class _TwilioError(msgspec.Struct):
    code: int
