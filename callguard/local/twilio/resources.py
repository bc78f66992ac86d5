"""The REST resources as JSON, field for field as Twilio's API document lists them."""

import email.utils
import re
from datetime import datetime

from callguard.local.twilio.account import API_VERSION, PhoneNumber
from callguard.local.twilio.conference import Conference
from callguard.local.twilio.leg import Leg
from callguard.local.twilio.media_stream import MediaStream
from callguard.local.twilio.messaging import Message
from callguard.local.twilio.rest import Json
from callguard.local.twilio.room import Member
from callguard.local.twilio.transcription import Transcription

_PARTICIPANT_STATUSES = {
    "queued": "queued",
    "ringing": "ringing",
    "in-progress": "connected",
    "completed": "complete",
}


def date(moment: datetime | None) -> str | None:
    """RFC 2822."""
    return email.utils.format_datetime(moment) if moment else None


def account_uri(account_sid: str, path: str) -> str:
    """The URI of a resource of the account."""
    return f"/{API_VERSION}/Accounts/{account_sid}/{path}.json"


def _formatted(number: str) -> str:
    return re.sub(r"^\+1(\d{3})(\d{3})(\d{4})$", r"(\1) \2-\3", number)


def call(leg: Leg) -> Json:
    """A Call."""
    account_sid = leg.network.account.sid
    path = f"Calls/{leg.sid}"
    return {
        "sid": leg.sid,
        "account_sid": account_sid,
        "parent_call_sid": leg.parent_sid,
        "date_created": date(leg.created),
        "date_updated": date(leg.updated),
        "to": leg.to_number,
        "to_formatted": _formatted(leg.to_number),
        "from": leg.from_number,
        "from_formatted": _formatted(leg.from_number),
        "phone_number_sid": leg.phone_number_sid,
        "status": leg.status,
        "start_time": date(leg.started),
        "end_time": date(leg.finished),
        "duration": str(leg.duration_seconds) if leg.finished else None,
        "price": None,
        "price_unit": "USD",
        "direction": leg.direction,
        "answered_by": leg.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": leg.forwarded_from,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": account_uri(account_sid, path),
        "subresource_uris": {
            name.lower(): account_uri(account_sid, f"{path}/{name}")
            for name in ("Recordings", "Streams", "Transcriptions")
        },
    }


def transcription(session: Transcription, leg: Leg) -> Json:
    """A real-time Transcription."""
    account_sid = leg.network.account.sid
    return {
        "sid": session.sid,
        "account_sid": account_sid,
        "call_sid": leg.sid,
        "name": session.options.name or None,
        "status": "in-progress" if session.status == "in-progress" else "stopped",
        "date_updated": date(session.updated),
        "uri": account_uri(account_sid, f"Calls/{leg.sid}/Transcriptions/{session.sid}"),
    }


def stream(media: MediaStream, leg: Leg) -> Json:
    """A Stream."""
    account_sid = leg.network.account.sid
    return {
        "sid": media.sid,
        "account_sid": account_sid,
        "call_sid": leg.sid,
        "name": media.options.name or None,
        "status": media.status,
        "date_updated": date(media.updated),
        "uri": account_uri(account_sid, f"Calls/{leg.sid}/Streams/{media.sid}"),
    }


def conference(room: Conference, account_sid: str) -> Json:
    """A Conference."""
    path = f"Conferences/{room.sid}"
    return {
        "sid": room.sid,
        "account_sid": account_sid,
        "date_created": date(room.created),
        "date_updated": date(room.updated),
        "api_version": API_VERSION,
        "friendly_name": room.name,
        "region": "us1",
        "status": room.status,
        "uri": account_uri(account_sid, path),
        "subresource_uris": {
            name.lower(): account_uri(account_sid, f"{path}/{name}")
            for name in ("Participants", "Recordings")
        },
        "reason_conference_ended": room.reason_ended,
        "call_sid_ending_conference": room.ended_by_call,
    }


def participant(member: Member, room: Conference) -> Json:
    """A Participant."""
    leg = member.leg
    account_sid = leg.network.account.sid
    return {
        "account_sid": account_sid,
        "call_sid": leg.sid,
        "label": member.options.label or None,
        "call_sid_to_coach": member.coached_sid or None,
        "coaching": member.coaching,
        "conference_sid": room.sid,
        "date_created": date(member.created),
        "date_updated": date(member.updated),
        "end_conference_on_exit": member.end_on_exit,
        "muted": member.muted,
        "hold": member.hold,
        "start_conference_on_enter": member.options.start_on_enter,
        "status": _PARTICIPANT_STATUSES.get(leg.status, "failed"),
        "queue_time": "0",
        "uri": account_uri(account_sid, f"Conferences/{room.sid}/Participants/{leg.sid}"),
    }


def message(sms: Message, account_sid: str) -> Json:
    """A Message."""
    return {
        "sid": sms.sid,
        "account_sid": account_sid,
        "messaging_service_sid": sms.messaging_service_sid,
        "body": sms.body,
        "num_segments": str(sms.segments),
        "num_media": "0",
        "direction": sms.direction,
        "from": sms.from_number,
        "to": sms.to_number,
        "date_created": date(sms.created),
        "date_updated": date(sms.updated),
        "date_sent": date(sms.sent),
        "status": sms.status,
        "error_code": sms.error_code,
        "error_message": None,
        "price": None,
        "price_unit": "USD",
        "api_version": API_VERSION,
        "uri": account_uri(account_sid, f"Messages/{sms.sid}"),
        "subresource_uris": {"media": account_uri(account_sid, f"Messages/{sms.sid}/Media")},
    }


def phone_number(owned: PhoneNumber, account_sid: str) -> Json:
    """An IncomingPhoneNumber."""
    return {
        "sid": owned.sid,
        "account_sid": account_sid,
        "phone_number": owned.number,
        "friendly_name": owned.friendly_name or _formatted(owned.number),
        "date_created": date(owned.created),
        "date_updated": date(owned.updated),
        "voice_url": owned.voice_url or None,
        "voice_method": owned.voice_method,
        "voice_fallback_url": owned.voice_fallback_url or None,
        "voice_fallback_method": owned.voice_fallback_method,
        "voice_caller_id_lookup": False,
        "voice_application_sid": None,
        "voice_receive_mode": "voice",
        "status_callback": owned.status_callback or None,
        "status_callback_method": owned.status_callback_method,
        "sms_url": owned.sms_url or None,
        "sms_method": owned.sms_method,
        "sms_fallback_url": owned.sms_fallback_url or None,
        "sms_fallback_method": owned.sms_fallback_method,
        "sms_application_sid": None,
        "address_sid": None,
        "address_requirements": "none",
        "identity_sid": None,
        "bundle_sid": None,
        "trunk_sid": None,
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "api_version": API_VERSION,
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
        "origin": "twilio",
        "status": "in-use",
        "type": "local",
        "uri": account_uri(account_sid, f"IncomingPhoneNumbers/{owned.sid}"),
    }


def available_number(number: str) -> Json:
    """An AvailablePhoneNumber."""
    return {
        "friendly_name": _formatted(number),
        "phone_number": number,
        "lata": None,
        "locality": "Washington",
        "rate_center": "WASHINGTON",
        "latitude": None,
        "longitude": None,
        "region": "DC",
        "postal_code": None,
        "iso_country": "US",
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
    }
