"""Webhooks by hand: signed as Twilio signs them, or not."""

import json
import secrets
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import httpx
from twilio.request_validator import RequestValidator

from callguard.local.family import DEMO_FAMILY

STRANGER = "+12025550199"


def new_call_sid() -> str:
    return f"CA{secrets.token_hex(16)}"


def ringing(call_sid: str, **changes: str) -> dict[str, str]:
    """The inbound voice webhook of a call to the demo family."""
    return {
        "CallSid": call_sid,
        "AccountSid": f"AC{'0' * 32}",
        "From": STRANGER,
        "To": DEMO_FAMILY.twilio_number,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
        "StirVerstat": "TN-Validation-Passed-A",
    } | changes


def heard(
    call_sid: str,
    sequence: int,
    text: str,
    *,
    final: bool = True,
    track: str = "inbound_track",
    language: str = "en-US",
) -> dict[str, str]:
    """A transcription result."""
    data = {"transcript": text} | ({"confidence": 0.97} if final else {})
    return {
        "CallSid": call_sid,
        "TranscriptionSid": f"GT{call_sid[2:]}",
        "TranscriptionEvent": "transcription-content",
        "Timestamp": f"2026-01-01T00:00:{sequence:02}.000Z",
        "SequenceId": str(sequence),
        "Track": track,
        "TranscriptionData": json.dumps(data),
        "Final": "true" if final else "false",
        "LanguageCode": language,
    }


class SignedClient:
    """Posts forms with the signature that Twilio would compute, or with one given."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self._validator = RequestValidator(token)
        self._client = httpx.AsyncClient(timeout=10)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def signature(self, path: str, form: dict[str, str]) -> str:
        return str(self._validator.compute_signature(f"{self.base_url}{path}", form))

    async def post(self, path: str, form: dict[str, str], *, signature: str | None = None) -> httpx.Response:
        signed = {"X-Twilio-Signature": self.signature(path, form) if signature is None else signature}
        return await self._client.post(
            f"{self.base_url}{path}", data=form, headers=signed if signature != "" else {}
        )

    async def get(self, path: str, query: dict[str, str]) -> httpx.Response:
        target = f"{path}?{urlencode(query)}"
        return await self._client.get(
            f"{self.base_url}{target}", headers={"X-Twilio-Signature": self.signature(target, {})}
        )

    async def send(self, method: str, path: str, **options: object) -> httpx.Response:
        """Anything, unsigned."""
        return await self._client.request(method, f"{self.base_url}{path}", **options)  # type: ignore[arg-type]
