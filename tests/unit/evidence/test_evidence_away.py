"""While the database can't be asked, a good link gets a page that says so; a bad one what it always gets."""

from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from aiohttp.test_utils import unused_port
from starlette.applications import Starlette

from callguard.db.pool import Database
from callguard.evidence.routes import evidence_routes
from callguard.trust.links import AlertLinks

LINKS = AlertLinks(b"k" * 32, "http://calls.example.org")


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        (LINKS.url(UUID(int=7)), 503, "try again soon"),
        ("http://calls.example.org/e/x", 404, "not valid, or no longer"),
    ],
)
async def test_a_page_that_cannot_be_read_says_so(url: str, status: int, words: str) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{unused_port()}/none", size=2)
    answers = cast("Any", None)  # nothing is answered here
    app = Starlette(routes=evidence_routes(database, answers, LINKS, hours=24))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        answer = await client.get(url)
    await database.close()

    assert answer.status_code == status
    assert words in answer.text
    assert answer.headers["cache-control"] == "no-store"
