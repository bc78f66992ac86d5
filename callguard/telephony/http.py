"""The transport below Twilio's SDK: its own asynchronous client, sent to the configured host."""

import asyncio
import logging
from typing import Any

from aiohttp import encode_basic_auth
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response

from callguard.config import TWILIO_API_URL

REQUEST_SECONDS = 10.0
DOWNLOAD_SECONDS = 30.0
# Two minutes of telephone speech as WAV are 2 MB.
MOST_BYTES = 8 * 1024 * 1024

# The SDK logs every request with its parameters, numbers among them.
_silent = logging.getLogger("callguard.telephony.silent")
_silent.disabled = True


class TwilioTransport(AsyncTwilioHttpClient):  # type: ignore[misc]  # twilio ships no types
    """Rewrites the host, bounds each request's time (the SDK's own timeout has no effect) and repeats list
    parameters.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__(logger=_silent)
        self._base_url = base_url

    async def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Response:  # noqa: ANN401  # as the SDK calls it
        data, login = options.pop("data", None), options.pop("auth", None)
        if login is not None:  # what the SDK would make of it is deprecated in aiohttp
            authorization = {"Authorization": encode_basic_auth(*login)}
            options["headers"] = (options.get("headers") or {}) | authorization
        async with asyncio.timeout(REQUEST_SECONDS):
            return await super().request(
                method,
                url.replace(TWILIO_API_URL, self._base_url, 1),
                *arguments,
                data=_pairs(data) if data else None,
                **options,
            )

    async def download(self, path: str, login: tuple[str, str]) -> tuple[int, bytes]:
        """HTTP status and body of what lies at Twilio: bytes, which the SDK cannot fetch.

        What is larger than MOST_BYTES breaks off there. Raises aiohttp.ClientError or TimeoutError.
        """
        headers = {"Authorization": encode_basic_auth(*login)}
        async with (
            asyncio.timeout(DOWNLOAD_SECONDS),
            self.session.get(f"{self._base_url}{path}", headers=headers) as response,
        ):
            content = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                content += chunk
                if len(content) > MOST_BYTES:
                    break
            return int(response.status), bytes(content[:MOST_BYTES])


def _pairs(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(item))
        for name, value in data.items()
        for item in (value if isinstance(value, list) else [value])
    ]
