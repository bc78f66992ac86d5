"""A local stand-in for Twilio: its real protocol, from its side of the wire.

REST with Twilio's errors, signed webhooks with retries and fallback, TwiML, conferences, real-time
transcription, media streams, SMS, and a phone book of people with habits. The product talks to it through the
unpatched SDK, whose HTTP client only rewrites the host; nothing here knows the product.
"""

from callguard.local.twilio.account import Account, PhoneNumber
from callguard.local.twilio.debugger import Debugger, Notification
from callguard.local.twilio.exchange import Announcement
from callguard.local.twilio.faults import Faults
from callguard.local.twilio.handset import Handset, OnCall, OnSms, PhoneBook, SmsStatus
from callguard.local.twilio.messaging import Message, StatusChange
from callguard.local.twilio.options import Track
from callguard.local.twilio.plan import (
    Answered,
    AudioConversation,
    CallPlan,
    CallRecord,
    Connected,
    Conversation,
    DialogueConversation,
    EndedBy,
    LegEnded,
    LegRecord,
    Moment,
    Outcome,
    Ringing,
    SpokenTurn,
    Transcribed,
    TranscriptionHabit,
    TurnStarted,
)
from callguard.local.twilio.rest import RestRequest
from callguard.local.twilio.speech import SpokenWord
from callguard.local.twilio.stand_in import TwilioStandIn
from callguard.speech.port import OnResult, Recognised, RecogniserFactory, TrackRecogniser, Word

__all__ = [
    "Account",
    "Announcement",
    "Answered",
    "AudioConversation",
    "CallPlan",
    "CallRecord",
    "Connected",
    "Conversation",
    "Debugger",
    "DialogueConversation",
    "EndedBy",
    "Faults",
    "Handset",
    "LegEnded",
    "LegRecord",
    "Message",
    "Moment",
    "Notification",
    "OnCall",
    "OnResult",
    "OnSms",
    "Outcome",
    "PhoneBook",
    "PhoneNumber",
    "Recognised",
    "RecogniserFactory",
    "RestRequest",
    "Ringing",
    "SmsStatus",
    "SpokenTurn",
    "SpokenWord",
    "StatusChange",
    "Track",
    "TrackRecogniser",
    "Transcribed",
    "TranscriptionHabit",
    "TurnStarted",
    "TwilioStandIn",
    "Word",
]
