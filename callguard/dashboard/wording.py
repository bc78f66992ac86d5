"""Plain words for what the system knows by short names: verdicts, attestation, signals, deliveries."""

from dataclasses import dataclass

from callguard.dashboard.snapshot import (
    LiveAlert,
    LiveCall,
    LiveFeedback,
    LiveNotice,
    LiveStep,
    NoticeMessages,
)
from callguard.domain.caller import parse_verstat
from callguard.domain.listening import Fault, degraded_words
from callguard.domain.notices import sentences


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """`tone` names the look; `symbol` says the same without colour; `meaning` says what it brings about."""

    tone: str
    symbol: str
    label: str
    meaning: str


_VERDICTS = {
    "SAFE": VerdictWords("safe", "✓", "No sign of a scam", "Below 30 of 100: nothing is sent."),
    "UNSURE": VerdictWords("unsure", "?", "Unclear", "30 to 59 of 100: shown here, no message is sent."),
    "SUSPECT": VerdictWords(
        "suspect", "!", "Suspicious", "60 to 79 of 100: the contacts are warned, one after the other."
    ),
    "SCAM": VerdictWords(
        "scam", "‼", "Likely scam", "80 of 100 and above: all contacts are alerted at once."
    ),
}
_LISTENING = VerdictWords("open", "…", "Listening", "A call is judged once a watched keyword is spoken.")
_NOT_JUDGED = VerdictWords("open", "–", "Not judged", "No watched keyword was spoken.")


def verdict_words(call: LiveCall) -> VerdictWords:
    """What the call's risk means. Without a judgement there is none, whatever the number says."""
    if not call.contributions:
        return _LISTENING if call.ended_at is None else _NOT_JUDGED
    return _VERDICTS[call.verdict]


_ATTESTATION = {
    "A": "Verified number: the caller's phone company vouches that it is theirs (A).",
    "B": "Partly verified: the phone company knows its customer, but not that the number is theirs (B).",
    "C": "Unverified: the call came through a gateway and nobody vouches for the number (C).",
    "failed": "Verification failed: the number may be forged.",
    "none": "Unsigned: no phone company vouches for the number.",
}


def attestation_words(attestation: str | None) -> str:
    """STIR/SHAKEN in a sentence, from a level (A, B, C, failed, none) or Twilio's `StirVerstat`."""
    if attestation in _ATTESTATION:
        return _ATTESTATION[attestation]
    stir = parse_verstat(attestation)
    return _ATTESTATION[stir.level or ("failed" if stir.failed else "none")]


_SIGNALS = {
    "local_scorer": "Words spoken",
    "llm": "Language model",
    "attestation": "Caller's number",
    "caller_history": "Earlier calls",
    "deepfake": "Synthetic voice",
    "known_voice": "Known voice",
}


def signal_words(signal: str) -> str:
    """A source of risk by the name people know."""
    return _SIGNALS.get(signal, signal.replace("_", " ").capitalize())


_FRAUDS = {
    "government": "posing as an authority",
    "bank": "posing as a bank",
    "tech_support": "fake technical support",
    "family_emergency": "made-up family emergency",
    "prize": "fake prize",
    "investment": "false investment",
    "romance": "false romance",
    "health_insurance": "health insurance scam",
    "utility": "utility bill scam",
    "parcel": "parcel scam",
    "job": "false job offer",
    "charity": "false charity",
    "debt": "invented debt",
    "extortion": "extortion",
    "refund": "false refund",
}


def fraud_words(fraud_type: str) -> str:
    """The kind of fraud in a few words."""
    return _FRAUDS.get(fraud_type, "another kind of scam")


_CHANNELS = {"sms": "SMS", "call": "phone call", "app_notification": "app", "email": "e-mail"}


def channel_words(channel: str) -> str:
    """How a contact is reached."""
    return _CHANNELS.get(channel, channel)


_DELIVERY = {
    "pending": "waiting to be sent",
    "sending": "being sent",
    "sent": "sent, not yet confirmed",
    "delivered": "delivered",
    "undelivered": "not delivered",
    "failed": "could not be sent",
    "skipped": "no longer needed",
}


_REASONS = {
    "no_recipient": "no contact has confirmed their number",
    "own_number": "the number is the caller's or the person's own",
    "unverified": "this number has not confirmed itself yet",
    "danger_only": "wants danger only",
    "quiet_hours": "in their quiet hours",
    "capped": "they got as many warnings as may be sent",
    "destination_country": "the number's country is not allowed",
    "destination_premium_rate": "the number costs extra",
    "destination_no_number": "not a telephone number",
}


def delivery_words(alert: LiveAlert) -> str:
    """How far a message got, and why no further."""
    words = _DELIVERY.get(alert.status, alert.status)
    if alert.reason not in _REASONS:
        return words
    return f"{'not sent' if alert.status == 'skipped' else words}: {_REASONS[alert.reason]}"


_ANSWERS = {
    "hang_up": "hang up on the caller",
    "safe": "it is fine",
    "scam": "it is a scam",
    "call": "ring me",
    "join": "bring me in",
    "hold": "hold the caller",
    "resume": "take the caller back",
}
_ANSWERED_BY = {"sms": "by SMS", "key": "by a key", "link": "on the page"}


def answer_words(alert: LiveAlert) -> str:
    """What a contact answered and by which way."""
    by = _ANSWERED_BY.get(alert.answered_by or "", "")
    answer = _ANSWERS.get(alert.answer or "")
    return " ".join(part for part in ("answered", by) if part) + (f": {answer}" if answer else "")


_SAID = {"scam": "it was a scam", "not_scam": "it was fine", "unsure": "they are not sure"}
_SAID_BY = {"dashboard": "On this page", "api": "By the API"}


def said_words(said: LiveFeedback) -> str:
    """Who says what a call was."""
    who = said.contact_name or _SAID_BY.get(said.source, "A contact since removed")
    return f"{who}: {_SAID[said.answer]}"


_RECIPIENTS = {"operator": "the operator", "person": "the person", "contact": "contacts"}


def notice_words(notice: LiveNotice) -> str:
    """What a notice means, and what was done about it."""
    if notice.kind in frozenset(Fault):
        return f"A call to {notice.person_name}: {degraded_words([(notice.kind, notice.remedy)])}"
    (told,) = sentences([notice.kind], notice.person_name, "en")
    return told if notice.contact_name is None else f"{told} The contact: {notice.contact_name}."


def message_words(messages: NoticeMessages) -> str:
    """How many messages to whom got how far."""
    to = _RECIPIENTS.get(messages.recipient, messages.recipient)
    how = "left out, over the daily limit" if messages.status == "skipped" else _DELIVERY[messages.status]
    return f"{messages.count} to {to} by {channel_words(messages.channel)}: {how}"


_STEPS = {
    ("whisper", "warning"): "The person was warned in a whisper",
    ("whisper", "danger"): "The person was told in a whisper that this is likely a scam",
    ("whisper", "all_clear"): "The person was told in a whisper that the call is fine",
    ("whisper", "on_hold"): "The person was told that the caller is on hold",
    ("hold", None): "The caller was put on hold",
    ("bring_in", None): "A contact was brought into the call",
    ("end", None): "The caller's leg was ended",
}
_STEP_STATES = {
    "asked": "under way",
    "taken": "asked for on the line, not yet confirmed",
    "done": "done",
    "undone": "taken back",
    "skipped": "not done: the call was over, called safe, or has no conference",
    "failed": "failed: the telephone company refused it",
}


def step_words(step: LiveStep) -> str:
    """What a step of the ladder is."""
    return _STEPS.get((step.step, step.wording), step.step)


def step_state_words(step: LiveStep) -> str:
    """How far it got; a contact who was brought in goes by themself."""
    if step.step == "bring_in" and step.state == "undone":
        return "done, and left again"
    return _STEP_STATES.get(step.state, step.state)


def asker_words(step: LiveStep) -> str:
    """Whose wish it was."""
    return step.contact_name or "callguard, as the person chose"
