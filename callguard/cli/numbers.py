"""The Twilio numbers of `callguard check`: how each must be set, how it is, and setting it."""

from dataclasses import dataclass, fields

from rich.console import Console

from callguard.config import Settings
from callguard.db.pool import Database
from callguard.intake.routes import Route, route_of
from callguard.intake.twiml import Twiml
from callguard.telephony.numbers import NumberSettings, OwnedNumber, fallback_url_for, wanted_settings
from callguard.telephony.twilio import TwilioTelephony
from callguard.trust.passes import PassIssuer

_WORDS = {
    "voice_url": "A call comes in",
    "voice_fallback_url": "Primary handler fails",
    "status_callback": "Call status changes",
    "sms_url": "A message comes in",
}
_NO_FALLBACK = (
    "While this server is down no call connects: there is no fallback. In Twilio's console make a TwiML Bin "
    "of the TwiML below and set its URL under 'Primary handler fails', or set FALLBACK_URL and run "
    "`callguard check --configure`."
)


@dataclass(frozen=True, slots=True)
class PersonsNumber:
    """A person's number: what it must be set to, the TwiML of its fallback, and what the account has."""

    number: str
    wanted: NumberSettings
    twiml: str
    owned: OwnedNumber | None

    @property
    def differences(self) -> list[tuple[str, str, str]]:
        """Field, value here, value wanted."""
        return self.owned.settings.differences(self.wanted) if self.owned else []


async def persons_numbers(
    settings: Settings, database: Database, account: list[OwnedNumber] | None
) -> list[PersonsNumber]:
    """The number of each person; `account` is None where there is none to look into. Raises DatabaseError."""
    async with database.session() as session:
        routes = [route_of(row) for row in await session.rows("people.route_book")]
    owned = {number.number: number for number in account or []}
    found = []
    for route in sorted(routes, key=lambda each: each.twilio_number):
        here, twiml = owned.get(route.twilio_number), fallback_twiml(settings.base_url, route)
        current = here.settings.voice_fallback_url if here else ""
        fallback = fallback_url_for(
            settings.fallback_url, route.twilio_number, twiml, current, settings.base_url
        )
        method = here.settings.voice_fallback_method if here and not settings.fallback_url else "GET"
        wanted = wanted_settings(settings.base_url, fallback, method)
        found.append(PersonsNumber(route.twilio_number, wanted, twiml, here))
    return found


def fallback_twiml(base_url: str, route: Route) -> str:
    """Dials the person by their first way: what the server itself says where it only connects."""
    twiml = Twiml(base_url, PassIssuer(b""), {})
    return twiml.direct("", route.first_delivery.address, route.language, 0, monitor=False)


async def configure(telephony: TwilioTelephony, numbers: list[PersonsNumber]) -> list[PersonsNumber]:
    """Sets those that differ; gives them. Raises TelephonyError."""
    changed = [number for number in numbers if number.differences]
    for number in changed:
        assert number.owned is not None, "what is not in the account differs from nothing"
        await telephony.set_number(number.owned.sid, number.wanted)
    return changed


def print_numbers(console: Console, numbers: list[PersonsNumber], *, looked_up: bool) -> bool:
    """Says of each number how it must be set and what differs; whether all are right, as far as is known."""
    for number in numbers:
        console.print(f"\n{number.number}", style="bold", markup=False)
        for field in fields(number.wanted):
            if field.name in _WORDS:
                value = getattr(number.wanted, field.name) or "(a URL of the TwiML below)"
                console.print(f"  {_WORDS[field.name]}: {value}", markup=False, soft_wrap=True)
        if not number.wanted.voice_fallback_url:
            console.print(f"  {_NO_FALLBACK}", style="yellow", markup=False)
        console.print("  TwiML that connects a call while this server is down:", markup=False)
        for line in number.twiml.splitlines():
            console.print(f"    {line}", markup=False, soft_wrap=True)
        if looked_up and number.owned is None:
            console.print("  wrong: the Twilio account has no such number", style="red", markup=False)
        for name, here, wanted in number.differences:
            console.print(
                f"  wrong: {name} is {here or 'not set'}; it must be {wanted}", style="red", markup=False
            )
    return not any(number.differences or (looked_up and number.owned is None) for number in numbers)
