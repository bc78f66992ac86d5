"""Conferences: who is in, who is heard, and the events that tell it."""

import email.utils
from collections.abc import Callable
from typing import Final

from callguard.local.twilio.account import new_sid, utc_now
from callguard.local.twilio.leg import CallTree, Leg
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import Callback, ConferenceOptions
from callguard.local.twilio.plan import EndedBy
from callguard.local.twilio.room import Member, Room
from callguard.local.twilio.webhooks import Deliveries

LEFT_BY_END: Final = "moderator_ended_conference"
LEFT_BY_API: Final = "participant_updated_via_api"
LEFT_UNREACHED: Final = "participant_add_failed"
ENDED_BY_API: Final = "conference_ended_via_api"


class Conference(Room):
    """A conference from the first leg that joins or is invited until the last one has gone."""

    def __init__(
        self, network: Network, tree: CallTree, name: str, on_end: Callable[["Conference"], None]
    ) -> None:
        super().__init__()
        self.sid: Final = new_sid("CF")
        self.name: Final = name
        self.tree: Final = tree
        self.status = "init"
        self.created = self.updated = utc_now()
        self.reason_ended: str | None = None
        self.ended_by_call: str | None = None
        self._network = network
        self._on_end = on_end
        self._callback = Callback()
        self._deliveries = Deliveries(network.webhooks, tree.tasks)
        self._sequence = 0

    @property
    def is_open(self) -> bool:
        """Whether it has started and there is somebody to talk to."""
        return self.status == "in-progress" and len(self.members) >= 2

    def find(self, key: str) -> Member | None:
        """A member, or a leg still being dialled, by call SID or by label."""
        everyone = {**self.members, **self.ringing}
        by_label = (member for member in everyone.values() if member.options.label == key)
        return everyone.get(key) or next(by_label, None)

    def join(self, leg: Leg, options: ConferenceOptions) -> bool:
        """Let a leg in; the first one says where the events go."""
        if len(self.members) >= options.max_participants or self.status == "completed":
            return False
        self.listen_at(options.callback)
        if self.tree not in leg.tree.family():
            leg.tree.joined.append(self.tree)
        super().join(leg, options)
        self._tell("join", "participant-join", self.members[leg.sid])
        is_awaited = any(member.options.start_on_enter for member in self.members.values())
        if self.status == "init" and len(self.members) >= 2 and is_awaited:
            self.status = "in-progress"
            self.updated = utc_now()
            self._tell("start", "conference-start")
            self.stir()
        return True

    def listen_at(self, callback: Callback) -> None:
        """Where the events go: only the first to say counts."""
        if not self._callback.url:
            self._callback = callback

    def invite(self, leg: Leg, options: ConferenceOptions) -> Member:
        """A telephone is being dialled for it."""
        member = Member.joining(leg, options)
        self.ringing[leg.sid] = member
        self.stir()
        return member

    def uninvite(self, leg: Leg) -> None:
        """The telephone that was dialled will not come."""
        member = self.ringing.pop(leg.sid, None)
        if member is not None:
            self._tell("leave", "participant-leave", member, self._left(member, LEFT_UNREACHED))
            self.stir()
            if not self.members and not self.ringing:
                self.end("last-participant-left")

    def leave(self, leg: Leg, reason: str) -> None:
        """A leg goes; the conference ends with the last one, or with one that was to end it."""
        member = self.members.pop(leg.sid)
        leg.room = None
        leg.wake()
        self._tell("leave", "participant-leave", member, self._left(member, reason))
        how = "kicked" if reason == LEFT_BY_API else "left"
        if member.end_on_exit:
            self.end(f"participant-with-end-conference-on-exit-{how}", leg)
        elif not self.members:
            self.end(f"last-participant-{how}", leg)
        else:
            self.stir()

    def end(self, reason: str, by: Leg | None = None, left: str = LEFT_BY_END) -> None:
        """Everyone goes; telephones that still ring for it fall silent."""
        if self.status == "completed":
            return
        self.status = "completed"
        self.updated = utc_now()
        self.reason_ended = reason
        self.ended_by_call = by.sid if by else None
        ringing = tuple(self.ringing.values())
        members = tuple(self.members.values())
        self.ringing.clear()
        self.members.clear()
        for member in members:
            member.leg.room = None
            member.leg.wake()
            self._tell("leave", "participant-leave", member, self._left(member, left))
        facts = {"ReasonConferenceEnded": reason, "Reason": reason.replace("-", " ")}
        if by:
            facts["CallSidEndingConference"] = by.sid
        self._tell("end", "conference-end", facts=facts)
        for member in ringing:
            member.leg.hang_up(EndedBy.CONFERENCE, "canceled")
        self._on_end(self)

    def change(self, member: Member, *, muted: bool | None, hold: bool | None) -> None:
        """Mute or hold a member, or let it be heard again."""
        if muted is not None and muted != member.muted:
            member.muted = muted
            self._tell("mute", "participant-mute" if muted else "participant-unmute", member)
        if hold is not None and hold != member.hold:
            member.hold = hold
            self._tell("hold", "participant-hold" if hold else "participant-unhold", member)
        member.updated = utc_now()
        self.stir()

    def modify(self, member: Member, *, end_on_exit: bool, coaching: bool, coached_sid: str) -> None:
        """Change what a member is in the conference."""
        member.end_on_exit = end_on_exit
        member.coaching = coaching
        member.coached_sid = coached_sid
        member.updated = utc_now()
        self._tell("modify", "participant-modify", member)

    def announced(self, url: str, member: Member | None, *, succeeded: bool) -> None:
        """An announcement to one member, or to all, is over."""
        event = "announcement-end" if succeeded else "announcement-fail"
        facts = {"AnnounceUrl": url}
        if not succeeded:
            facts["ReasonAnnouncementFailed"] = "The announcement's TwiML could not be fetched"
        self._tell("announcement", event, member, facts)

    def _left(self, member: Member, reason: str) -> dict[str, str]:
        return {"ParticipantCallStatus": member.leg.status, "ReasonParticipantLeft": reason}

    def _tell(
        self, kind: str, event: str, member: Member | None = None, facts: dict[str, str] | None = None
    ) -> None:
        if not self._callback.wants(kind):
            return
        self._sequence += 1
        params = {
            "AccountSid": self._network.account.sid,
            "ConferenceSid": self.sid,
            "FriendlyName": self.name,
            "SequenceNumber": str(self._sequence),
            "Timestamp": email.utils.format_datetime(utc_now()),
            "StatusCallbackEvent": event,
            **(_about(member) if member else {}),
            **(facts or {}),
        }
        self._deliveries.post(self._callback.url, params, self._callback.method)


def _about(member: Member) -> dict[str, str]:
    flags = {
        "Muted": member.muted,
        "Hold": member.hold,
        "Coaching": member.coaching,
        "EndConferenceOnExit": member.end_on_exit,
        "StartConferenceOnEnter": member.options.start_on_enter,
    }
    label = {"ParticipantLabel": member.options.label} if member.options.label else {}
    return {"CallSid": member.leg.sid, **{name: str(flag).lower() for name, flag in flags.items()}, **label}
