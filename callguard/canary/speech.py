"""What is said on the canary's call, at both of its ends, and where Twilio tells how it fares."""

from urllib.parse import urlencode
from uuid import UUID

from callguard.domain import canary
from callguard.intake.twiml import RETRIED, Twiml, language_code, templates


class CanarySpeech:
    """TwiML and addresses for one public address."""

    def __init__(self, base_url: str, twiml: Twiml) -> None:
        self._base_url = base_url
        self._twiml = twiml
        self._templates = templates()

    def listening(self, call_sid: str, language: str, now: float) -> str:
        """The end that comes in: listened to, and nothing else."""
        return self._twiml.listen_only(call_sid, language, now)

    def turned_away(self) -> str:
        """The same while the database is away."""
        return self._twiml.reject("busy")

    def speaks(self, words: str, language: str) -> str:
        """The end that was dialled."""
        return self._render("canary_speaks.xml", canary.sentence(words, language), language)

    def excuse(self, language: str) -> str:
        """For somebody who picked up."""
        return self._render("alert_answered.xml", canary.excuse(language), language)

    def call_url(self, run_id: UUID) -> str:
        """Where Twilio asks what to say."""
        return self._url("/canary-call", run_id)

    def call_status_url(self, run_id: UUID) -> str:
        """Where Twilio tells that the call ended."""
        return self._url("/canary-call-status", run_id) + RETRIED

    def message_status_url(self, run_id: UUID) -> str:
        """Where Twilio tells how the message fares."""
        return self._url("/canary-message-status", run_id) + RETRIED

    def _url(self, path: str, run_id: UUID) -> str:
        return f"{self._base_url}{path}?{urlencode({'run': run_id})}"

    def _render(self, template: str, words: str, language: str) -> str:
        return (
            self._templates.get_template(template)
            .render(language_code=language_code(language), words=words)
            .strip()
        )
