"""Where legs hear one another: the bridge of a `<Dial><Number>`, and the base of conferences."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from callguard.local.twilio.account import utc_now
from callguard.local.twilio.leg import Leg
from callguard.local.twilio.options import ConferenceOptions


@dataclass(slots=True)
class Member:
    """A leg's part in a room."""

    leg: Leg
    options: ConferenceOptions
    muted: bool = False
    hold: bool = False
    end_on_exit: bool = False
    coaching: bool = False
    coached_sid: str = ""
    created: datetime = field(default_factory=utc_now)
    updated: datetime = field(default_factory=utc_now)

    @classmethod
    def joining(cls, leg: Leg, options: ConferenceOptions) -> "Member":
        """As the options of its joining say."""
        return cls(
            leg,
            options,
            muted=options.muted,
            end_on_exit=options.end_on_exit,
            coaching=options.coaching,
            coached_sid=options.coached_sid,
        )


class Room:
    """Two legs, and nothing left of it when one of them goes."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.ringing: dict[str, Member] = {}

    @property
    def is_open(self) -> bool:
        """Whether those in it hear one another."""
        return len(self.members) >= 2

    def others(self, leg: Leg) -> Iterator[Member]:
        """Everyone else in it."""
        return (member for sid, member in self.members.items() if sid != leg.sid)

    def listeners(self, speaker: Leg) -> list[Leg]:
        """Who hears this leg."""
        member = self.members.get(speaker.sid)
        if member is None or not self.is_open or member.muted or member.hold:
            return []
        return [
            other.leg
            for other in self.others(speaker)
            if not other.hold and (not member.coaching or member.coached_sid == other.leg.sid)
        ]

    def join(self, leg: Leg, options: ConferenceOptions) -> bool:
        """Let a leg in; False when there is no place for it."""
        self.members[leg.sid] = self.ringing.pop(leg.sid, Member.joining(leg, options))
        leg.room = self
        self.stir()
        return True

    def leave(self, leg: Leg, reason: str) -> None:  # noqa: ARG002 - a conference needs both
        """A leg goes, and with it the room."""
        gone = tuple(self.members.values())
        self.members.clear()
        for member in gone:
            member.leg.room = None
            member.leg.wake()

    def stir(self) -> None:
        """Something changed for everyone in it."""
        for member in self.members.values():
            member.leg.wake()
