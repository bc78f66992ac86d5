"""The page behind an alert's link: what it shows to whom, and that opening it does nothing."""

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import EndedBy
from tests.integration.alerting.alarm import ANNA, BEN, ended, rung, scam, scam_under_way, sent
from tests.integration.eventually import eventually
from tests.integration.population import rows, value

LANGUAGES = {
    "en": "very likely talking to a scammer",
    "es": "Es muy probable",
    "fr": "parle très probablement",
    "de": "spricht sehr wahrscheinlich",
    "pt": "É muito provável",
}
BY = "SELECT answered_by FROM alerts a JOIN emergency_contacts e ON e.id = a.contact_id WHERE e.name = 'Anna'"


@pytest.fixture
async def phone() -> AsyncIterator[httpx.AsyncClient]:
    """A contact's browser, which sends nothing along."""
    async with httpx.AsyncClient(follow_redirects=True) as client:
        yield client


def link(stage: Stage, number: str = ANNA) -> str:
    """The link in the alert to a number."""
    (address,) = re.findall(r"https?://\S+/e/\S+", sent(stage, number)[-1])
    return str(address)


def form(page: str, action: str) -> dict[str, str]:
    """What a press on a button sends."""
    (field,) = re.findall(r'name="form" value="(\w+)"', page)
    return {"form": field, "action": action}


def text(page: str) -> str:
    return unescape(" ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split()))


async def test_the_link_in_the_message_shows_what_was_said_and_why_to_nobody_else(
    stage: Stage, phone: httpx.AsyncClient
) -> None:
    async with scam_under_way(stage):
        answer = await phone.get(link(stage))
        page = text(answer.text)

    assert answer.status_code == 200
    assert "Margaret is very likely talking to a scammer" in page
    assert "a fraud in the name of an authority" in page
    assert "The call is still going on." in page
    assert "+1 202-555-0199" in page
    # The alert shows what was known when it was decided, which may be before the payment was asked for.
    assert re.search(r"for your arrest .{0,60} s into the call", page)
    assert re.search(r"Words spoken: (\d+) of 100, \+\1 points How closely the words resemble", page)
    assert re.search(r"Judged with: callguard \S+, catalogue en/shipped-\S+, .*scorer \S+", page)
    assert "The caller claims to speak for an institution." in page
    assert "changed the language" not in page
    assert re.search("Found: .*frightens", page)
    assert "The phone company vouches for the number." in page
    assert "Artificial voice Not judged yet." in page
    assert "Nobody has answered yet." in page
    assert "Ring Margaret on another line" in page

    headers = answer.headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in headers["content-security-policy"]
    assert not {"set-cookie", "etag"} & set(headers)
    assert not re.search("script|https?:|url[(]|@import", answer.text)


async def test_opening_it_is_no_answer_and_a_button_is(
    stage: Stage, phone: httpx.AsyncClient, cluster: Cluster
) -> None:
    """Previews and scanners open links before people do."""
    async with scam_under_way(stage):
        page = await phone.get(link(stage))
        await phone.head(link(stage))
        assert await value(cluster, "SELECT count(*) FROM alerts WHERE answered_at IS NOT NULL") == 0
        assert await value(cluster, "SELECT count(*) FROM answers") == 0

        answered = await phone.post(link(stage), data=form(page.text, "seen"))
        assert await value(cluster, BY) == "link"
        for _ in range(2):
            await phone.post(link(stage), data=form(page.text, "call"))

        async def calls() -> int:
            return len(rung(stage, ANNA))

        await eventually(calls, lambda count: count == 1)

    assert answered.status_code == 200
    assert answered.url == link(stage)
    assert "You have answered this alert." in text(answered.text)
    assert "Anna, has seen this" in text(answered.text)
    assert "I have seen this" not in text(answered.text)
    assert await value(cluster, "SELECT count(*) FROM answers") == 2
    assert (len(rung(stage, ANNA)), len(rung(stage, BEN))) == (1, 0)


async def test_hang_up_on_the_page_ends_the_callers_leg(
    stage: Stage, phone: httpx.AsyncClient, cluster: Cluster
) -> None:
    async def press(_call_sid: str) -> None:
        page = await phone.get(link(stage))
        await phone.post(link(stage), data=form(page.text, "hang_up"))
        await ended(cluster)

    record = await scam(stage, press)

    assert record.ended_by is EndedBy.API
    page = text((await phone.get(link(stage))).text)
    assert "Anna, hang up on the caller" in page
    assert "The call ended at" in page
    assert "The call is over." in page


async def test_a_post_that_the_page_did_not_send_has_no_effect(
    stage: Stage, phone: httpx.AsyncClient, cluster: Cluster
) -> None:
    """A18."""
    async with scam_under_way(stage) as call:
        own = form((await phone.get(link(stage))).text, "hang_up")
        others = form((await phone.get(link(stage, BEN))).text, "hang_up")
        for data in ({"action": "hang_up"}, others, own | {"more": "x" * 2000}):
            assert (await phone.post(link(stage), data=data)).status_code == 403
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (await phone.post(link(stage), data=own, headers=elsewhere)).status_code == 403
        assert (await phone.post(link(stage), data=own | {"action": "join"})).status_code == 200
        assert await value(cluster, "SELECT count(*) FROM answers") == 0
    assert (await call).ended_by is not EndedBy.API


async def test_old_wrong_and_foreign_links_all_show_the_same(
    stage: Stage, phone: httpx.AsyncClient, cluster: Cluster
) -> None:
    async with scam_under_way(stage) as call:
        good, bens = link(stage), link(stage, BEN)
        press = form((await phone.get(good)).text, "hang_up")
        await rows(cluster, "DELETE FROM emergency_contacts WHERE name = 'Ben'")
        await rows(cluster, "UPDATE alerts SET created_at = created_at - interval '31 minutes'")
        late = await phone.post(good, data=press)
        assert "This alert is no longer open." in text(late.text)
        assert "Hang up on the caller" not in text(late.text)
        assert "I have seen this" in text(late.text)
    assert (await call).ended_by is not EndedBy.API
    await rows(cluster, "UPDATE alerts SET created_at = created_at - interval '24 hours'")

    base, _, token = good.rpartition("/")
    wrong = [token[:-1], token[::-1], "x", "%00", "A" * 32]
    answers = [await phone.get(address) for address in (good, bens, *(f"{base}/{t}" for t in wrong))]
    answers.append(await phone.post(good, data=press))

    assert {(a.status_code, a.text) for a in answers} == {(404, answers[0].text)}
    assert len({a.headers["content-security-policy"] for a in answers}) == 1
    assert "Margaret" not in answers[0].text
    for word in ("not valid", "no es válido", "pas valable", "nicht mehr gültig", "não é válida"):
        assert word in answers[0].text


async def test_a_contact_reads_their_own_language_and_clock_and_nothing_is_taken_for_html(
    stage: Stage, phone: httpx.AsyncClient, cluster: Cluster
) -> None:
    """A19."""
    async with scam_under_way(stage):
        for language, words in LANGUAGES.items():
            await rows(
                cluster,
                "UPDATE emergency_contacts SET language = $1, time_zone = 'Asia/Kolkata' WHERE name = 'Anna'",
                language,
            )
            page = (await phone.get(link(stage))).text
            assert f'<html lang="{language}">' in page
            assert words in page
            assert "IST)" in page
        bens = (await phone.get(link(stage, BEN))).text
        assert LANGUAGES["en"] in bens
        assert "UTC)" in bens

        await rows(
            cluster, "UPDATE users SET name = '<img/src=x>' WHERE tenant_id = $1", DEMO_FAMILY.tenant_id
        )
        await rows(cluster, "UPDATE emergency_contacts SET name = '<script>x</script>'")
        answered = await phone.post(link(stage, BEN), data=form(bens, "seen"))
        assert "<img" not in answered.text
        assert "&lt;img/src=x&gt;" in answered.text
        assert "<script" not in answered.text
