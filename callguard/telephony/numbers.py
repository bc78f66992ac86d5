"""How a Twilio number must be set so that its calls come here, and connect while nobody is here.

Connection overrides stand in the fragment of a webhook's URL (Twilio, "Webhook connection overrides"): `ct`
and `rt` are the milliseconds to connect and to answer, `rc` how often it is repeated, `rp` after which
failures. A call's webhook that fails is followed by the fallback URL: it must lie elsewhere than this server,
and say whom to dial.
"""

from dataclasses import dataclass, fields
from urllib.parse import quote

# A caller hears silence meanwhile: six seconds at the most, then the fallback.
CALL_OVERRIDES = "ct=2000&rt=3000&rc=1&rp=all"
# Nobody waits for these, and none may be lost.
STATUS_OVERRIDES = "ct=2000&rt=5000&rc=3&rp=all"


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """What Twilio asks, and by which method, when a number is called, written to, or its call ends.

    The fields are named as REST parameters of IncomingPhoneNumbers.
    """

    voice_url: str
    voice_method: str
    voice_fallback_url: str
    voice_fallback_method: str
    status_callback: str
    status_callback_method: str
    sms_url: str
    sms_method: str

    def differences(self, wanted: "NumberSettings") -> list[tuple[str, str, str]]:
        """Field, value here, value wanted, for each that differs."""
        pairs = [(f.name, getattr(self, f.name), getattr(wanted, f.name)) for f in fields(self)]
        return [pair for pair in pairs if pair[1] != pair[2]]


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A number of the account."""

    sid: str
    number: str
    settings: NumberSettings


def wanted_settings(base_url: str, fallback_url: str, fallback_method: str = "GET") -> NumberSettings:
    """The settings of a number whose calls come to the server at `base_url`. Files answer a GET alone."""
    return NumberSettings(
        voice_url=f"{base_url}/incoming-call#{CALL_OVERRIDES}",
        voice_method="POST",
        voice_fallback_url=fallback_url,
        voice_fallback_method=fallback_method,
        status_callback=f"{base_url}/call-status#{STATUS_OVERRIDES}",
        status_callback_method="POST",
        sms_url=f"{base_url}/sms#{CALL_OVERRIDES}",
        sms_method="POST",
    )


def fallback_url_for(template: str | None, number: str, twiml: str, current: str, base_url: str) -> str:
    """The fallback of one number: from FALLBACK_URL (`{number}`, `{twiml}` filled in), else the one it has.

    One that leads to this server is none: it is down when the server is. Empty where there is none.
    """
    if template:
        return template.replace("{number}", quote(number, safe="")).replace("{twiml}", quote(twiml, safe=""))
    return "" if current.startswith(base_url) else current
