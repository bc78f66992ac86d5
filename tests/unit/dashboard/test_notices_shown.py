"""Notices on the dashboard: what each means, when, and who was told."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from callguard.dashboard.rendering import render_view
from callguard.dashboard.snapshot import LiveNotice, NoticeMessages, Snapshot
from tests.unit.dashboard.live_calls import NOW


def notice(kind: str, **changes: Any) -> LiveNotice:
    known: dict[str, Any] = {
        "id": UUID(int=1),
        "kind": kind,
        "remedy": None,
        "person_name": "Margaret <Hill>",
        "contact_name": None,
        "began_at": NOW - timedelta(minutes=5),
        "ended_at": None,
    }
    return LiveNotice(**(known | changes))


def shown(*notices: LiveNotice, messages: tuple[NoticeMessages, ...] = ()) -> str:
    view = render_view(Snapshot(NOW, (), notices, messages), away=False)
    return " ".join(view.sections["notices"].split())


def test_without_any_there_is_nothing() -> None:
    assert shown() == '<section id="notices" aria-labelledby="notices-title"> </section>'


def test_a_fault_of_listening_says_what_is_done_about_it() -> None:
    html = shown(notice("transcription_failed", remedy="local", ended_at=NOW))

    assert "A call to Margaret &lt;Hill&gt;: The transcription reported an error; callguard&#39;s own" in html
    assert "until" in html
    assert "sent to the operator, and to the person and the contacts who asked" in html


def test_others_name_the_contact_they_are_about() -> None:
    html = shown(notice("contact_opted_out", contact_name="Anna"), notice("new_kind", id=UUID(int=2)))

    assert "A contact of Margaret Hill has stopped our text messages." in html
    assert "The contact: Anna." in html
    assert "something to know about the protection" in html


def test_messages_are_counted_by_how_far_they_got() -> None:
    html = shown(
        notice("voicemail"),
        messages=(
            NoticeMessages("contact", "sms", "failed", 1),
            NoticeMessages("operator", "email", "sent", 2),
            NoticeMessages("operator", "email", "skipped", 3),
        ),
    )

    assert "1 to contacts by SMS: could not be sent" in html
    assert "2 to the operator by e-mail: sent, not yet confirmed" in html
    assert "3 to the operator by e-mail: left out, over the daily limit" in html


def test_a_new_notice_moves_its_section_alone() -> None:
    before = render_view(Snapshot(NOW, (), (), ()), away=False)
    after = render_view(Snapshot(NOW, (), (notice("voicemail"),), ()), away=False, before=before)

    changes = after.changes_since(before)
    assert changes.count("<hx-partial") == 1
    assert 'hx-target="#notices"' in changes
