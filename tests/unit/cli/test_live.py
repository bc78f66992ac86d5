import io
from collections.abc import Mapping

from rich.console import Console

from callguard.cli.live import LiveTerminal
from callguard.dashboard.snapshot import LiveCall, Snapshot
from tests.unit.dashboard.live_calls import NOW, alert, quiet_call, said, scam_call, step

ADDRESS = "http://127.0.0.1:8000/dashboard?key=abc"


def snapshot_of(*calls: LiveCall) -> Snapshot:
    return Snapshot(taken_at=NOW, calls=calls)


def on_a_terminal(*calls: LiveCall, figures: Mapping[str, float] | None = None, height: int = 60) -> str:
    """What the screen holds at the end, with its escape sequences."""
    screen = io.StringIO()
    console = Console(
        file=screen,
        force_terminal=True,
        color_system="truecolor",
        width=120,
        height=height,
        legacy_windows=False,
    )
    with LiveTerminal(console) as terminal:
        terminal.show(snapshot_of(*calls), figures or {}, ADDRESS)
    return screen.getvalue()


class Lines:
    """A console that isn't a terminal, and what was newly printed on it."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        self._terminal = LiveTerminal(Console(file=self._file, force_terminal=False, width=20))

    def after(self, *calls: LiveCall, figures: Mapping[str, float] | None = None) -> list[str]:
        self._file.seek(0)
        self._file.truncate()
        with self._terminal as terminal:
            terminal.show(snapshot_of(*calls), figures or {}, ADDRESS)
        return self._file.getvalue().splitlines()


def test_a_call_is_shown_with_words_risk_alert_and_seconds() -> None:
    call = scam_call()
    screen = on_a_terminal(call, figures={call.call_sid: 3210.0})

    for words in (
        "Margaret Hill ← +1 202-555-0123",
        "Hello, this is Officer Daniels",
        "87 of 100  ‼ Likely scam, posing as an authority",
        "Keyword heard: warrant, gift cards",
        "Synthetic voice: not available yet",
        "danger to Anna Hill by SMS: sent, not yet confirmed",
        "3.2 s from the spoken keyword to the alert",
        ADDRESS,
    ):
        assert words in screen


def test_steps_on_the_line_are_told_as_they_come() -> None:
    assert "The caller was put on hold: done (by Anna Hill)" in on_a_terminal(
        scam_call(steps=(step(contact_name="Anna Hill"),))
    )
    lines = Lines()
    lines.after(scam_call())
    (news,) = lines.after(scam_call(steps=(step(state="asked"),)))
    assert news.endswith("The caller was put on hold: under way (by callguard, as the person chose)")


def test_keywords_and_provisional_words_look_different() -> None:
    screen = on_a_terminal(scam_call())

    bold_black_on_yellow, dim_italic = "\x1b[1;30;43m", "\x1b[2;3m"
    assert f"{bold_black_on_yellow}warrant" in screen
    assert f"{dim_italic}I don't" in screen


def test_the_bar_follows_the_risk() -> None:
    assert "█" * 35 + "\x1b" in on_a_terminal(scam_call(risk=87))
    assert "█" not in on_a_terminal(scam_call(risk=0, verdict="SAFE"))


def test_an_unjudged_call_shows_no_risk() -> None:
    screen = on_a_terminal(quiet_call())

    assert "Listening" in screen
    assert "of 100" not in screen


def test_an_ended_call_keeps_its_outcome() -> None:
    screen = on_a_terminal(scam_call(ended_at=NOW))

    assert "ended after 72 s" in screen
    assert "Likely scam" in screen
    assert "Officer Daniels" not in screen


def test_before_the_first_call_it_waits() -> None:
    assert "Waiting for a call" in on_a_terminal()


def test_the_dashboards_address_stays_in_sight_however_many_calls_there_are() -> None:
    screen = on_a_terminal(*(scam_call(number) for number in range(1, 9)), height=24)

    assert "… and 7 more on the dashboard" in screen
    assert ADDRESS in screen


def test_strangers_cannot_steer_the_terminal() -> None:
    hostile = "Eve\x1b]0;owned\x07\x1b[2J\r\n[red]x[/red]\u202e"
    call = scam_call(
        person_name=hostile,
        explanation=hostile,
        keywords=(hostile,),
        transcript=(said("caller", hostile),),
        alerts=(alert(contact_name=hostile),),
    )

    for output in (on_a_terminal(call), "\n".join(Lines().after(call))):
        assert "\x1b]0;owned" not in output
        assert "\x1b[2J" not in output
        assert "\x07" not in output
        assert "\u202e" not in output
        assert "[red]x[/red]" in output


def test_without_a_terminal_each_fact_is_one_line_told_once() -> None:
    lines, who = Lines(), "Margaret Hill <- +1 202-555-0123 |"
    assert lines.after() == [f"Dashboard: {ADDRESS}"]

    begun = lines.after(quiet_call(transcript=(said("caller", "Hello the", final=False),)))
    assert [line.partition(" Unverified")[0] for line in begun] == [f"{who} call began."]

    call = quiet_call(transcript=(said("caller", "Hello there."),))
    assert lines.after(call) == [f"{who} Caller: Hello there."]
    assert lines.after(call) == []

    scam = scam_call(transcript=call.transcript)
    assert lines.after(scam) == [
        f"{who} keyword heard: warrant",
        f"{who} keyword heard: gift cards",
        f"{who} risk 87 of 100: Likely scam",
        f"{who} danger to Anna Hill by SMS: sent, not yet confirmed",
    ]

    delivered = scam_call(transcript=call.transcript, alerts=(alert(status="delivered"),), ended_at=NOW)
    assert lines.after(delivered, figures={delivered.call_sid: 950.0}) == [
        f"{who} danger to Anna Hill by SMS: delivered",
        f"{who} 0.9 s from the spoken keyword to the alert",
        f"{who} call ended",
    ]


def test_the_same_words_said_twice_are_told_twice() -> None:
    said_twice = (said("callee", "Yes.", sequence=1), said("callee", "Yes.", sequence=2))

    lines = Lines().after(quiet_call(transcript=said_twice))

    assert sum("Margaret Hill: Yes." in line for line in lines) == 2


def test_a_call_that_is_not_listened_to_as_it_should_be_says_so() -> None:
    call = quiet_call(degraded="The transcription did not start.")

    assert "! The transcription did not start." in on_a_terminal(call)
    lines = Lines()
    told = lines.after(call)
    assert sum("listening is degraded. The transcription did not start." in line for line in told) == 1
    assert lines.after(call) == []
