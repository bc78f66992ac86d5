"""What people say of a call, by each door: stored, shown, and remembered of the caller."""

import re
from collections.abc import AsyncIterator
from html import unescape
from uuid import uuid4

import httpx
import pytest

from callguard.domain.reply_texts import Told, acknowledgement
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.alerting.alarm import ANNA, BEN, TWILIO, ended, reply, scam, scam_under_way, sent
from tests.integration.eventually import eventually
from tests.integration.population import rows, value

CALLER = "+12025550199"
SAID = """
    SELECT f.source, f.who, f.answer, e.name, f.analysis_id IS NOT NULL AS about_a_verdict FROM feedback f
    LEFT JOIN emergency_contacts e ON e.id = f.contact_id ORDER BY f.created_at"""


async def said(cluster: Cluster) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await rows(cluster, SAID)]


async def remembered(cluster: Cluster, people_say: str | None) -> None:
    """Waits until that is what is remembered of the one call."""

    async def kept() -> list[str | None]:
        return [row[0] for row in await rows(cluster, "SELECT people_say FROM remembered_calls")]

    await eventually(kept, lambda found: found == [people_say])


async def nothing(_call_sid: str) -> None:
    """A call that takes its course."""


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    assert stage.services is not None
    services = stage.services
    headers = {"Authorization": f"Bearer {services.keys.dashboard}"}
    async with httpx.AsyncClient(base_url=services.settings.base_url, headers=headers) as client:
        yield client


async def test_contacts_say_by_sms_what_it_was_and_hangup_says_nothing(
    stage: Stage, cluster: Cluster
) -> None:
    async with scam_under_way(stage):
        await reply(stage, ANNA, "Safe")
        await reply(stage, BEN, "hang up")
        await ended(cluster)
    assert await said(cluster) == [("sms", "contact", "not_scam", "Anna", True)]
    await remembered(cluster, "not_scam")

    message = await stage.stand_in.receive_sms(BEN, TWILIO, "¡Estafa!")
    assert message.body == "¡Estafa!"
    assert (await said(cluster))[1:] == [("sms", "contact", "scam", "Ben", True)]
    await remembered(cluster, "scam")
    assert acknowledgement(Told.SCAM, "en") in sent(stage, BEN)

    await reply(stage, BEN, "it is fine")
    await remembered(cluster, "not_scam")


async def test_the_caller_is_known_when_they_ring_again(stage: Stage, cluster: Cluster) -> None:
    await scam(stage, nothing, caller=CALLER)
    await remembered(cluster, None)
    await reply(stage, ANNA, "scam")
    await remembered(cluster, "scam")
    await scam(stage, nothing, caller="+12025550198")
    contributions = await value(
        cluster,
        "SELECT f.contributions::text FROM fraud_analyses f JOIN active_calls c ON c.id = f.call_id "
        "WHERE c.caller_number = '+12025550198' ORDER BY f.created_at DESC LIMIT 1",
    )
    assert "The same words were heard in a call that was reported as a fraud" in str(contributions)


async def test_the_page_asks_what_it_was_long_after_the_call(stage: Stage, cluster: Cluster) -> None:
    await scam(stage, nothing)
    await rows(cluster, "UPDATE alerts SET created_at = created_at - interval '2 hours'")
    (address,) = re.findall(r"https?://\S+/e/\S+", sent(stage, ANNA)[-1])
    async with httpx.AsyncClient(follow_redirects=True) as phone:
        page = await phone.get(address)
        assert "What was it? Your answer helps us know this caller again." in unescape(page.text)
        assert "Ring me now" not in page.text
        (field,) = re.findall(r'name="form" value="(\w+)"', page.text)
        for action in ("scam", "safe", "scam"):
            page = await phone.post(address, data={"form": field, "action": action})
        late = await phone.post(address, data={"form": field, "action": "hang_up"})
    assert "it was a scam" in unescape(page.text)
    assert late.status_code == 200
    answers = [answer for _, _, answer, _, _ in await said(cluster)]
    assert answers == ["scam", "not_scam", "scam"], "who changes their mind back is believed"
    assert await value(cluster, "SELECT count(*) FROM active_calls WHERE safe_at IS NOT NULL") == 0
    await remembered(cluster, "scam")


async def test_the_live_page_takes_what_the_operator_says(stage: Stage, cluster: Cluster) -> None:
    assert stage.services is not None
    services = stage.services
    await scam(stage, nothing)
    call_id = await value(cluster, "SELECT id FROM active_calls")
    door = f"/dashboard/feedback/{call_id}"
    async with httpx.AsyncClient(base_url=services.settings.base_url, follow_redirects=True) as browser:
        page = await browser.get("/dashboard", params={"key": services.keys.dashboard})
        assert f'action="{door}"' in page.text
        (field,) = set(re.findall(r'name="from_page" value="(\w+)"', page.text))
        page = await browser.post(door, data={"from_page": field, "answer": "not_scam"})
        assert page.status_code == 200
        assert "On this page: it was fine" in page.text
        assert await said(cluster) == [("dashboard", "operator", "not_scam", None, True)]
        by_script = {"HX-Request": "true"}
        marked = await browser.post(door, data={"from_page": field, "answer": "scam"}, headers=by_script)
        assert (marked.status_code, marked.text) == (204, "")
    await remembered(cluster, "scam")


async def test_programs_say_whether_the_verdict_was_right(
    stage: Stage, cluster: Cluster, api: httpx.AsyncClient
) -> None:
    await scam(stage, nothing)
    call_id = await value(cluster, "SELECT id FROM active_calls")
    asked = {"feedback_type": "false_positive", "comments": "It was my bank."}
    reply = await api.post(f"/api/calls/{call_id}/feedback", json=asked)
    told = reply.json()
    assert reply.status_code == 201
    assert (told["call_id"], told["answer"]) == (str(call_id), "not_scam")
    # The voice may still be told, in a verdict after the one that stood; neither lowers the other.
    analysis_id = told["analysis_id"]
    found = await rows(cluster, "SELECT id, fraud_score FROM fraud_analyses")
    highest = max(row["fraud_score"] for row in found)
    assert analysis_id in [str(row["id"]) for row in found if row["fraud_score"] == highest]
    confirmed = await api.post(
        f"/api/fraud-analysis/{analysis_id}/feedback", json={"feedback_type": "confirmed"}
    )
    assert (confirmed.status_code, confirmed.json()["answer"]) == (201, "scam")
    assert await value(cluster, "SELECT note FROM feedback ORDER BY created_at LIMIT 1") == "It was my bank."
    await remembered(cluster, "scam")

    for path in (f"/api/calls/{uuid4()}", "/api/calls/none", f"/api/fraud-analysis/{uuid4()}"):
        missing = await api.post(f"{path}/feedback", json=asked)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NOT_FOUND")
    for body in (
        b"",
        b"{}",
        b'{"feedback_type": "maybe"}',
        b'{"feedback_type": "confirmed", "x": 1}',
        b" " * 5000,
    ):
        wrong = await api.post(f"/api/calls/{call_id}/feedback", content=body)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    long = await api.post(
        f"/api/calls/{call_id}/feedback", json={"feedback_type": "confirmed", "comments": "x" * 501}
    )
    assert long.status_code == 400
    async with httpx.AsyncClient(base_url=api.base_url) as nobody:
        assert (await nobody.post(f"/api/calls/{call_id}/feedback", json=asked)).status_code == 401
    assert await value(cluster, "SELECT count(*) FROM feedback") == 2
