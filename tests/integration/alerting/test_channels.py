"""Every way to reach a contact: which leaves when, what it says, and what becomes of it (F20, F21)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from callguard.config import Settings
from callguard.local.postgres import Cluster
from callguard.local.twilio import Handset, OnCall, OnSms
from tests.integration.alerting.alarm import ANNA, BEN, TWILIO, alerts, rung, scam_under_way, sent
from tests.integration.alerting.reach import ANNAS_MAIL, Reach, reaching, set_contact, subscribe
from tests.integration.eventually import eventually
from tests.integration.population import rows, value

SOON = 0.2


@pytest.fixture
async def reach(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cluster: Cluster,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Reach]:
    """Anna has an e-mail address and a browser; Ben has his telephone."""
    changes = getattr(request, "param", {})
    async with reaching(settings, tmp_path, monkeypatch, **changes) as reach:
        await set_contact(cluster, "Anna", email=ANNAS_MAIL)
        yield reach


async def test_in_danger_mail_and_push_leave_beside_the_message_in_its_words(
    reach: Reach, cluster: Cluster
) -> None:
    browser = reach.push.browser()
    await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        all_ways = {"sms": "delivered", "app_notification": "sent", "email": "sent"}
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen == all_ways)
        assert await alerts(cluster, BEN) == {"sms": "delivered"}

    (told,) = [text for text in sent(reach.stage, ANNA) if "ALERT" in text]
    (mail,) = reach.mail.to(ANNAS_MAIL)
    (shown,) = browser.shown
    assert _words(mail.get_content()).startswith(_words(told))
    assert f"answer by text message to {TWILIO}" in mail.get_content()
    assert mail["Subject"] == shown["title"] == "callguard ALERT: likely scam call"
    assert _words(shown["body"]) == _words(told)
    assert shown["body"].endswith(shown["tag"])
    assert shown["url"].startswith(f"{base_url(reach)}/e/")
    assert browser.headers[0]["Urgency"] == "high"
    assert reach.push.claims[0]["sub"] == "mailto:operator@example.org"
    unsent = "SELECT count(*) FROM alerts WHERE sent_at IS NULL AND alert_type <> 'call'"
    assert await value(cluster, unsent) == 0


async def test_a_browser_tells_that_it_has_shown_the_alert_and_only_it_can(
    reach: Reach, cluster: Cluster
) -> None:
    browser = reach.push.browser()
    await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        await eventually(
            lambda: alerts(cluster, ANNA), lambda seen: "sent" in seen.get("app_notification", "")
        )
        receipt = browser.shown[0]["receipt"]
        page = browser.shown[0]["url"].rpartition("/")[2]
        async with httpx.AsyncClient(base_url=base_url(reach)) as client:
            statuses = [
                (await client.post(path)).status_code
                for path in (f"/app/shown/{page}", receipt[:-2] + "AA", receipt, receipt)
            ]
            opened = await client.get(browser.shown[0]["url"])

    assert statuses == [404, 404, 204, 204]
    assert (await alerts(cluster, ANNA))["app_notification"] == "delivered"
    assert opened.status_code == 200


def base_url(reach: Reach) -> str:
    assert reach.stage.services is not None
    return reach.stage.services.settings.base_url


def _words(text: str) -> str:
    """Without what is each alert's own: its code and its link."""
    return re.sub(r"Code [0-9A-F]{6}|/e/\S+", "", text)


@pytest.mark.parametrize("reach", [{"alert_answer_seconds": SOON}], indirect=True)
async def test_an_answer_by_text_message_to_a_mail_closes_its_alert(reach: Reach, cluster: Cluster) -> None:
    """The code in the e-mail is as good as that in the message."""
    async with scam_under_way(reach.stage):
        await eventually(lambda: mails(reach), bool)
        code = reach.mail.to(ANNAS_MAIL)[0].get_content().splitlines()[0][-6:]
        await reach.stage.stand_in.receive_sms(ANNA, TWILIO, f"safe {code}")

    answered = "SELECT alert_type FROM alerts WHERE answered_at IS NOT NULL"
    assert await value(cluster, answered) == "email"


async def mails(reach: Reach) -> list[object]:
    return list(reach.mail.to(ANNAS_MAIL))


@pytest.mark.promise("F21")
async def test_while_twilio_is_down_the_other_ways_leave_at_once_and_the_message_waits(
    reach: Reach, cluster: Cluster
) -> None:
    """F21. The outage begins after the call came: the alert's own requests are refused until it ends."""
    reach.stage.stand_in.faults.refuse("POST", r"/(Messages|Calls)\.json$", status=503, code=20503, times=4)
    browser = reach.push.browser()
    await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen.get("email") == "sent")
        all_ways = {"sms": "delivered", "app_notification": "sent", "email": "sent"}
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen == all_ways)
        await eventually(lambda: alerts(cluster, BEN), lambda seen: seen == {"sms": "delivered"})

    assert len([text for text in sent(reach.stage, ANNA) if "ALERT" in text]) == 1
    assert len(reach.mail.to(ANNAS_MAIL)) == len(browser.shown) == 1
    first = "SELECT alert_type FROM alerts WHERE sent_at IS NOT NULL ORDER BY sent_at LIMIT 1"
    assert await value(cluster, first) in ("email", "app_notification")


@pytest.mark.promise("F20")
@pytest.mark.parametrize("reach", [{"alert_answer_seconds": SOON}], indirect=True)
async def test_who_answers_neither_message_nor_call_has_been_told_by_every_way_once(
    reach: Reach, cluster: Cluster
) -> None:
    reach.stage.stand_in.phone_book.put(
        Handset(ANNA, on_sms=OnSms.undelivered(30003), on_call=OnCall.NO_ANSWER)
    )
    browser = reach.push.browser()
    await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        everything = {
            "sms": "undelivered",
            "call": "undelivered",
            "app_notification": "sent",
            "email": "sent",
        }
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen == everything)
        await eventually(lambda: waiting(cluster), lambda count: count == 0)

    assert len(rung(reach.stage, ANNA)) == 1
    assert len(reach.mail.to(ANNAS_MAIL)) == len(browser.shown) == 1


async def waiting(cluster: Cluster) -> object:
    return await value(
        cluster,
        "SELECT count(*) FROM work WHERE kind IN ('send_alert', 'escalate') AND state <> 'done'",
    )


async def test_a_browser_that_is_gone_is_forgotten_and_the_others_are_told(
    reach: Reach, cluster: Cluster
) -> None:
    gone, there = reach.push.browser(), reach.push.browser()
    gone.answer = 410
    for browser in (gone, there):
        await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen.get("app_notification") == "sent")

    assert (len(gone.shown), len(there.shown)) == (0, 1)
    left = await rows(cluster, "SELECT endpoint FROM push_subscriptions")
    assert [row["endpoint"] for row in left] == [there.endpoint]


@pytest.mark.parametrize("answer", [404, 400, 307])
async def test_a_push_that_is_refused_is_a_failure_that_shows(
    reach: Reach, cluster: Cluster, answer: int
) -> None:
    browser = reach.push.browser()
    browser.answer = answer
    await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen.get("app_notification") == "failed")
        await eventually(lambda: waiting(cluster), lambda count: count == 2)

    code = await value(cluster, "SELECT error_code FROM alerts WHERE alert_type = 'app_notification'")
    assert code == ("PUSH_GONE" if answer == 404 else f"PUSH_{answer}")
    assert reach.push.elsewhere == 0
    assert await value(cluster, "SELECT count(*) FROM notices") == 0  # she was told by other ways


async def test_a_push_service_in_trouble_is_asked_again(reach: Reach, cluster: Cluster) -> None:
    browser = reach.push.browser()
    browser.answer = 503
    await subscribe(reach.database, cluster, "Anna", browser)
    async with scam_under_way(reach.stage):
        again = "SELECT max(attempts) FROM work WHERE error_code = 'PUSH_503'"
        await eventually(lambda: value(cluster, again), bool)
        browser.answer = 201
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen.get("app_notification") == "sent")

    assert len(browser.shown) == 1


async def test_a_mail_that_is_refused_shows_and_one_to_try_later_is_tried_again(
    reach: Reach, cluster: Cluster
) -> None:
    bens = "ben@example.org"
    await set_contact(cluster, "Ben", email=bens)
    reach.mail.refusals |= {ANNAS_MAIL: "550 no such user", bens: "451 busy"}
    async with scam_under_way(reach.stage):
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen.get("email") == "failed")
        again = "SELECT max(attempts) FROM work WHERE error_code = 'EMAIL_451'"
        await eventually(lambda: value(cluster, again), bool)
        del reach.mail.refusals[bens]
        await eventually(lambda: alerts(cluster, BEN), lambda seen: seen.get("email") == "sent")

    assert await value(cluster, "SELECT error_code FROM alerts WHERE status = 'failed'") == "EMAIL_550"
    assert reach.mail.to(ANNAS_MAIL) == []
    assert len(reach.mail.to(bens)) == 1


@pytest.mark.promise("F20")
async def test_a_warning_goes_by_one_way_and_by_the_others_when_that_is_lost(
    reach: Reach, cluster: Cluster
) -> None:
    """By hand, since a call that warns and never alarms is hard to stage."""
    reach.stage.stand_in.phone_book.put(Handset(ANNA, on_sms=OnSms.undelivered(30005), on_call=OnCall.BUSY))
    async with scam_under_way(reach.stage):
        await rows(cluster, "UPDATE alerts SET level = 'warning', status = 'pending', message_sid = NULL")
        await rows(cluster, "DELETE FROM alerts WHERE alert_type <> 'sms'")
        await rows(cluster, "DELETE FROM work WHERE kind IN ('escalate', 'send_alert')")
        reach.mail.received.clear()
        await rows(
            cluster,
            "INSERT INTO work (tenant_id, kind, subject, call_id) "
            "SELECT tenant_id, 'send_alert', id, call_id FROM alerts",
        )
        await eventually(lambda: warnings(cluster, BEN), lambda seen: seen == {"sms": "delivered"})
        lost = {"sms": "undelivered", "call": "undelivered", "email": "sent"}
        await eventually(lambda: warnings(cluster, ANNA), lambda seen: seen == lost)


async def warnings(cluster: Cluster, number: str) -> dict[str, str]:
    found = await rows(
        cluster,
        "SELECT a.alert_type, a.status FROM alerts a JOIN emergency_contacts e ON e.id = a.contact_id "
        "WHERE e.phone_number = $1 AND a.level = 'warning'",
        number,
    )
    return {row["alert_type"]: row["status"] for row in found}
