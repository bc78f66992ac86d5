"""REST: Conferences and their Participants."""

from callguard.local.twilio import resources
from callguard.local.twilio.conference import ENDED_BY_API, LEFT_BY_API, Conference
from callguard.local.twilio.exchange import Exchange
from callguard.local.twilio.leg import CallTree
from callguard.local.twilio.options import CONFERENCE_EVENTS, Callback, ConferenceOptions
from callguard.local.twilio.plan import EndedBy
from callguard.local.twilio.rest import Answer, Inquiry, Refused, Routes, in_range, not_found, page
from callguard.local.twilio.rest_calls import check_parties, machine_detection, progress_callback
from callguard.local.twilio.room import Member


class ConferencesApi:
    """Conferences, and who takes part."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._account_sid = exchange.network.account.sid

    def routes(self) -> Routes:
        """Method, path below the account, handler."""
        return (
            ("GET", "/Conferences.json", self.list_all),
            ("GET", "/Conferences/{sid}.json", self.fetch),
            ("POST", "/Conferences/{sid}.json", self.update),
            ("POST", "/Conferences/{sid}/Participants.json", self.invite),
            ("GET", "/Conferences/{sid}/Participants.json", self.list_participants),
            ("GET", "/Conferences/{sid}/Participants/{key}.json", self.fetch_participant),
            ("POST", "/Conferences/{sid}/Participants/{key}.json", self.update_participant),
            ("DELETE", "/Conferences/{sid}/Participants/{key}.json", self.kick),
        )

    async def list_all(self, inquiry: Inquiry) -> Answer:
        """The conferences, newest first."""
        name, status = inquiry.get("FriendlyName"), inquiry.get("Status")
        rooms = [
            room
            for room in reversed(self._exchange.conferences.values())
            if name in {"", room.name}
            and status in {"", room.status}
            and in_range(inquiry, "DateCreated", room.created)
            and in_range(inquiry, "DateUpdated", room.updated)
        ]
        return page(inquiry, "conferences", [resources.conference(room, self._account_sid) for room in rooms])

    async def fetch(self, inquiry: Inquiry) -> Answer:
        """One conference."""
        return Answer(resources.conference(self._room(inquiry), self._account_sid))

    async def update(self, inquiry: Inquiry) -> Answer:
        """End a conference, or speak to everyone in it."""
        room = self._room(inquiry)
        if inquiry.get("Status") == "completed":
            room.end("conference-ended-via-api", left=ENDED_BY_API)
        self._announce(inquiry, room, None)
        return Answer(resources.conference(room, self._account_sid))

    async def invite(self, inquiry: Inquiry) -> Answer:
        """Dial a telephone into a conference, by its SID or its name."""
        exchange = self._exchange
        from_number, to_number = check_parties(exchange, inquiry)
        key = inquiry.ids["sid"]
        room = exchange.find_conference(key)
        is_name = not (key.startswith("CF") and len(key) == 34)
        if room is None and is_name:
            room = exchange.conference_named(key, CallTree())
        if room is None or room.status == "completed":
            raise not_found()
        values = inquiry.values()
        options = self._options(inquiry, room)
        timeout = values.whole("timeout", 60, least=5, most=600)
        detection = machine_detection(inquiry, "amdStatusCallback", is_awaited=False)
        leg = exchange.call_out(
            room.tree, from_number=from_number, to_number=to_number, callback=progress_callback(inquiry)
        )
        room.listen_at(options.callback)
        member = room.invite(leg, options)

        async def ring() -> None:
            room.tree.tasks.spawn(exchange.join_conference(leg, room, timeout, detection))
            exchange.supervise(room.tree)

        return Answer(resources.participant(member, room), 201, ring)

    def _options(self, inquiry: Inquiry, room: Conference) -> ConferenceOptions:
        values = inquiry.values()
        return ConferenceOptions(
            name=room.name,
            label=values.text("label"),
            muted=values.flag("muted", default=False),
            coaching=values.flag("coaching", default=False),
            coached_sid=values.text("callSidToCoach"),
            start_on_enter=values.flag("startConferenceOnEnter", default=True),
            end_on_exit=values.flag("endConferenceOnExit", default=False),
            max_participants=values.whole("maxParticipants", 250, least=2, most=250),
            callback=Callback(
                values.url("conferenceStatusCallback"),
                values.method("conferenceStatusCallbackMethod"),
                values.several("conferenceStatusCallbackEvent", "", CONFERENCE_EVENTS),
            ),
        )

    async def list_participants(self, inquiry: Inquiry) -> Answer:
        """Who is in, or being dialled."""
        room = self._room(inquiry)
        wanted = {
            "muted": inquiry.get("Muted"),
            "hold": inquiry.get("Hold"),
            "coaching": inquiry.get("Coaching"),
        }
        everyone = [
            resources.participant(member, room) for member in {**room.members, **room.ringing}.values()
        ]
        fitting = [
            each
            for each in everyone
            if all(str(each[name]).lower() == value for name, value in wanted.items() if value)
        ]
        return page(inquiry, "participants", fitting)

    async def fetch_participant(self, inquiry: Inquiry) -> Answer:
        """One participant."""
        room, member = self._member(inquiry)
        return Answer(resources.participant(member, room))

    async def update_participant(self, inquiry: Inquiry) -> Answer:
        """Mute, hold, coach, speak to one participant alone."""
        room, member = self._member(inquiry)
        values = inquiry.values()
        was_held = member.hold
        room.change(
            member,
            muted=values.flag("muted", default=member.muted),
            hold=values.flag("hold", default=member.hold),
        )
        if {"EndConferenceOnExit", "Coaching", "CallSidToCoach"} & inquiry.params.keys():
            room.modify(
                member,
                end_on_exit=values.flag("endConferenceOnExit", default=member.end_on_exit),
                coaching=values.flag("coaching", default=member.coaching),
                coached_sid=values.text("callSidToCoach", member.coached_sid),
            )
        self._announce(inquiry, room, member)
        if member.hold and not was_held:
            self._announce(inquiry, room, member, "holdUrl")
        return Answer(resources.participant(member, room))

    async def kick(self, inquiry: Inquiry) -> Answer:
        """Have a participant leave."""
        room, member = self._member(inquiry)
        if member.leg.sid in room.members:
            room.leave(member.leg, LEFT_BY_API)
        else:
            member.leg.hang_up(EndedBy.API, "canceled")
        return Answer(None, 204)

    def _announce(
        self, inquiry: Inquiry, room: Conference, member: Member | None, parameter: str = "announceUrl"
    ) -> None:
        values = inquiry.values()
        if url := values.url(parameter):
            method = values.method(parameter.replace("Url", "Method"))
            room.tree.tasks.spawn(self._exchange.announce(room, member, url, method))

    def _room(self, inquiry: Inquiry) -> Conference:
        room = self._exchange.conferences.get(inquiry.ids["sid"])
        if room is None:
            raise not_found()
        return room

    def _member(self, inquiry: Inquiry) -> tuple[Conference, Member]:
        room = self._room(inquiry)
        member = room.find(inquiry.ids["key"])
        if member is None:
            raise Refused(20404, "The participant is not in this conference", 404)
        return room, member
