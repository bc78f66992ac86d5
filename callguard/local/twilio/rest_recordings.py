"""REST: Recordings, and their media."""

import email.utils

from callguard.local.twilio.account import API_VERSION
from callguard.local.twilio.recordings import Recording, Recordings
from callguard.local.twilio.rest import Answer, Inquiry, Json, Routes, not_found


class RecordingsApi:
    """What was recorded by <Record>."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings

    def routes(self) -> Routes:
        """Method, path below the account, handler."""
        return (
            ("GET", "/Recordings/{sid}.wav", self.media),
            ("GET", "/Recordings/{sid}.json", self.fetch),
            ("DELETE", "/Recordings/{sid}.json", self.delete),
        )

    async def media(self, inquiry: Inquiry) -> Answer:
        """The sound itself."""
        return Answer(None, media=self._recording(inquiry).wav)

    async def fetch(self, inquiry: Inquiry) -> Answer:
        """One recording."""
        return Answer(_recording(self._recording(inquiry)))

    async def delete(self, inquiry: Inquiry) -> Answer:
        """Forget a recording with its media."""
        self._recordings.forget(self._recording(inquiry).sid)
        return Answer(None, 204)

    def _recording(self, inquiry: Inquiry) -> Recording:
        found = self._recordings.find(inquiry.ids["sid"])
        if found is None:
            raise not_found()
        return found


def _recording(recording: Recording) -> Json:
    uri = f"/{API_VERSION}/Accounts/{recording.account_sid}/Recordings/{recording.sid}"
    date = email.utils.format_datetime(recording.started)
    return {
        "sid": recording.sid,
        "account_sid": recording.account_sid,
        "api_version": API_VERSION,
        "call_sid": recording.call_sid,
        "conference_sid": None,
        "channels": 1,
        "date_created": date,
        "date_updated": date,
        "start_time": date,
        "duration": str(recording.seconds),
        "price": None,
        "price_unit": "USD",
        "source": "RecordVerb",
        "status": "completed",
        "error_code": None,
        "encryption_details": None,
        "media_url": f"https://api.twilio.com{uri}",
        "uri": f"{uri}.json",
        "subresource_uris": {},
    }
