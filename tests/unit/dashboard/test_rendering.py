import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from callguard.dashboard.rendering import (
    View,
    duration,
    render_locked,
    render_opening,
    render_page,
    render_view,
)
from callguard.dashboard.snapshot import Contribution, LiveCall, Snapshot
from tests.unit.dashboard.live_calls import NOW, alert, quiet_call, said, scam_call, step

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;<hx-partial hx-target=body>"


def view_of(*calls: LiveCall, away: bool = False) -> View:
    return render_view(Snapshot(taken_at=NOW, calls=calls), away=away)


def page_of(*calls: LiveCall, away: bool = False) -> str:
    return render_page(view_of(*calls, away=away))


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_scam_call_is_shown_with_everything_that_explains_it() -> None:
    told = text_of(page_of(scam_call()))

    for words in (
        "Margaret Hill",
        "+1 202-555-0123",
        "since 14:01:53 UTC",
        "Unverified: the call came through a gateway",
        "Likely scam",
        "87 of 100",
        "80 of 100 and above: all contacts are alerted at once.",
        "posing as an authority",
        "The caller speaks for an authority",
        "there is a warrant for your arrest",
        "Synthetic voice not available yet",
        "Known voice not available yet",
        "The caller spoke for 38 s.",
        "Anna Hill Danger by SMS: sent, not yet confirmed",
        "decided 14:03:01 UTC sent 14:03:02 UTC",
    ):
        assert words in told


def test_what_was_done_on_the_line_is_shown_with_who_asked_and_when() -> None:
    by_anna = step(2, contact_name="Anna Hill", state="undone", undone_at=NOW)
    told = text_of(page_of(scam_call(steps=(step(), by_anna))))

    assert "The caller was put on hold: done. Asked for by callguard, as the person chose" in told
    assert "The caller was put on hold: taken back. Asked for by Anna Hill, 14:03:02 UTC" in told
    assert "done 14:03:03 UTC ; ended 14:03:05 UTC" in told
    assert "What was done on the line" not in text_of(page_of(scam_call()))


def test_keywords_are_marked_inside_the_transcript() -> None:
    assert re.findall("<mark>(.+?)</mark>", page_of(scam_call())) == ["warrant", "gift cards,", "Gift cards?"]


def test_words_that_may_change_are_marked_and_said_to_be_so() -> None:
    page = page_of(quiet_call(transcript=(said("caller", "Good"), said("caller", "morn", final=False))))

    assert '<i class="provisional">morn</i>' in page
    assert "… still speaking" in text_of(page)
    assert "still speaking" not in text_of(page_of(quiet_call(transcript=(said("caller", "Good"),))))


def test_an_unconfirmed_end_of_an_ended_call_is_not_called_speaking() -> None:
    call = quiet_call(ended_at=NOW, transcript=(said("caller", "morn", final=False),))

    assert "… not confirmed" in text_of(page_of(call))


def test_a_call_that_nobody_judged_shows_no_risk() -> None:
    page = page_of(quiet_call())

    assert "Listening" in text_of(page)
    assert 'role="meter"' not in page
    assert "of 100" not in text_of(view_of(quiet_call()).sections["live"])


def test_a_signal_without_points_shows_its_words_alone() -> None:
    call = scam_call(contributions=(Contribution("attestation", "measured", None, "Signed by the carrier."),))

    assert "Caller's number Signed by the carrier." in text_of(page_of(call)).replace("&#39;", "'")


def test_strangers_words_stay_words() -> None:
    call = scam_call(
        person_name=HOSTILE,
        caller=HOSTILE,
        attestation=HOSTILE,
        explanation=HOSTILE,
        quotations=(HOSTILE,),
        keywords=(HOSTILE,),
        contributions=(Contribution(HOSTILE, HOSTILE, None, HOSTILE),),
        transcript=(said("caller", HOSTILE), said("callee", HOSTILE, final=False)),
        alerts=(alert(contact_name=HOSTILE, channel=HOSTILE, status=HOSTILE, level=HOSTILE),),
    )
    ended = scam_call(2, person_name=HOSTILE, transcript=(said("caller", HOSTILE),), ended_at=NOW)

    tags = Elements(page_of(call, ended)).tags

    assert [attributes["src"] for tag, attributes in tags if tag == "script"] == [
        "/dashboard/static/vendor/htmx/htmx.min.js",
        "/dashboard/static/vendor/htmx/hx-sse.min.js",
        "/dashboard/static/live.js",
    ]
    assert {tag for tag, _ in tags if tag.startswith("hx-")} == set()
    assert {attributes["src"] for tag, attributes in tags if tag == "img"} == {"/dashboard/static/shield.svg"}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]


def test_strangers_words_cannot_leave_their_piece_of_the_stream() -> None:
    call = scam_call(transcript=(said("caller", HOSTILE),))

    pieces = Elements(view_of(call).changes_since(None)).tags

    assert [attributes["hx-target"] for tag, attributes in pieces if tag == "hx-partial"] == [
        "#notice",
        "#announcement",
        "#live",
        "#alerts",
        "#notices",
        "#ended",
        "#protection",
    ]


@pytest.mark.parametrize(
    "page", [page_of(scam_call(), scam_call(2, ended_at=NOW)), render_locked(), render_opening()]
)
def test_pages_keep_to_the_content_security_policy(page: str) -> None:
    tags = Elements(page).tags

    assert not [tag for tag, attributes in tags if "style" in attributes or tag == "style"]
    assert all("src" in attributes for tag, attributes in tags if tag == "script")
    assert not [tag for tag, attributes in tags if any(name.startswith("on") for name in attributes)]
    addresses = [a[name] or "" for _, a in tags for name in ("src", "href") if name in a]
    assert all(address.startswith(("/dashboard", "#")) for address in addresses)


def test_ids_are_unique() -> None:
    tags = Elements(page_of(scam_call(1), quiet_call(2), scam_call(3, ended_at=NOW, alerts=(alert(2),)))).tags

    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_without_any_call_the_page_says_how_to_place_one() -> None:
    assert "callguard simulate --audio caller.wav" in text_of(page_of())


def test_after_calls_it_says_that_none_is_going_on() -> None:
    told = text_of(page_of(quiet_call(ended_at=NOW)))

    assert "No call is going on." in told
    assert "callguard simulate" not in told


def test_ended_calls_are_folded_with_their_length() -> None:
    call = scam_call(started_at=NOW - timedelta(minutes=3, seconds=5), ended_at=NOW)
    view = view_of(call)

    assert not view.cards
    assert "<details" in view.sections["ended"]
    assert not re.search("<details[^>]* open", view.sections["ended"])
    assert "14:00:00 UTC , 3 min 5 s" in text_of(view.sections["ended"])


def test_times_are_utc_and_carry_their_day_when_it_is_another() -> None:
    ended = quiet_call(started_at=NOW - timedelta(days=1), ended_at=NOW - timedelta(days=1, seconds=-9))

    assert '<time datetime="2026-01-01T14:03:05+00:00" data-clock>1 Jan 14:03:05 UTC</time>' in page_of(ended)


def test_alerts_of_all_calls_stand_newest_first() -> None:
    early = alert(1, contact_name="Early", created_at=NOW - timedelta(hours=1))
    late = alert(2, contact_name="Late")

    table = view_of(scam_call(1, alerts=(early,)), scam_call(2, alerts=(late,), ended_at=NOW)).sections[
        "alerts"
    ]

    assert table.index("Late") < table.index("Early")


def test_the_banner_says_that_the_database_is_away_and_how_old_the_page_is() -> None:
    told = text_of(page_of(quiet_call(), away=True))

    assert "The database is away; calls still connect." in told
    assert "the state of 14:03:05 UTC" in told
    assert "Margaret Hill" in told
    assert "away" not in text_of(page_of(quiet_call()))


def test_with_the_database_away_from_the_start_there_is_no_state() -> None:
    told = text_of(render_page(render_view(None, away=True)))

    assert "The database is away" in told
    assert "No state yet" in told


def test_only_what_changed_is_sent() -> None:
    before = view_of(quiet_call(1), quiet_call(2))
    after = view_of(quiet_call(1), quiet_call(2, transcript=(said("caller", "Hello"),)))

    assert re.findall('hx-target="(.+?)"', after.changes_since(before)) == [f"#call-{quiet_call(2).id}"]
    assert after.changes_since(after) == ""


def test_calls_that_stayed_the_same_are_not_drawn_again() -> None:
    calls = (scam_call(1), scam_call(2, ended_at=NOW))
    before = view_of(*calls)

    later = (replace(calls[0], risk=90), replace(calls[1]))
    after = render_view(Snapshot(taken_at=NOW, calls=later), away=False, before=before)

    assert after.drawn[calls[1].id] is before.drawn[calls[1].id]
    assert after == view_of(*later)


def test_a_new_call_renews_the_list() -> None:
    before = view_of(quiet_call(1))
    after = view_of(quiet_call(2), quiet_call(1))

    assert re.findall('hx-target="(.+?)"', after.changes_since(before)) == ["#live"]


def test_the_empty_state_changes_without_any_card() -> None:
    assert 'hx-target="#live"' in view_of(quiet_call(ended_at=NOW)).changes_since(view_of())


def test_screen_readers_hear_of_verdicts_and_alerts_only() -> None:
    def heard(call: LiveCall) -> str:
        return text_of(view_of(call).sections["announcement"])

    assert (
        heard(scam_call())
        == "Margaret Hill: Likely scam. Danger to Anna Hill by SMS: sent, not yet confirmed."
    )
    assert heard(scam_call()) == heard(scam_call(risk=95, transcript=(said("caller", "more"),)))
    assert heard(quiet_call()) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (8.9, "8 s"), (125, "2 min 5 s"), (3720, "1 h 2 min"), (90000, "25 h 0 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("ended", [False, True])
def test_a_call_that_is_not_listened_to_as_it_should_be_says_so(ended: bool) -> None:
    reason = "The transcription did not start; nobody hears <the> words."
    call = quiet_call(degraded=reason, ended_at=NOW if ended else None)

    page = page_of(call)
    assert "The transcription did not start; nobody hears &lt;the&gt; words." in page
    assert "degraded" not in page_of(quiet_call())
    assert ("listening is degraded" in view_of(call).sections["announcement"]) is not ended


def test_an_answered_alert_shows_when_and_how() -> None:
    answered = alert(answered_at=NOW, answered_by="link", answer="hang_up")
    view = render_view(Snapshot(NOW, (scam_call(alerts=(answered,)),)), away=False)

    for section in ("alerts", "live"):
        assert "answered on the page: hang up on the caller" in view.sections[section]
        assert view.sections[section].count('<time datetime="2026-01-02T14:03:05+00:00"') >= 1


def test_a_call_whose_language_changed_says_so() -> None:
    changed = scam_call(language="es", language_switched_from="en")

    assert "Heard in Spanish: the caller changed from English." in text_of(page_of(changed))
    assert "Heard in" not in text_of(page_of(scam_call()))


def test_a_risk_that_stands_over_what_is_measured_now_says_so_and_points_are_shown() -> None:
    words = Contribution("local_scorer", "measured", 60, "Fear.", points=60)
    held = text_of(page_of(scam_call(measured=60, contributions=(words,))))

    assert "Measured now: 60." in held
    assert "+60 points" in held
    assert "Measured now" not in text_of(page_of(scam_call(measured=87)))
