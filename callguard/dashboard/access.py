"""Who may look: whoever came by the keyed address once; from then on a cookie, not the key, proves it."""

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from callguard.errors import ConfigurationError

COOKIE = "callguard_dashboard"
_COOKIE_SECONDS = 30 * 24 * 3600


class Access:
    """The dashboard's lock. `secure` keeps the cookie to https."""

    def __init__(self, key: str, *, secure: bool) -> None:
        if not key:
            raise ConfigurationError(
                "The dashboard's key is empty. Set CALLGUARD_DASHBOARD_KEY, or leave it unset."
            )
        self._key = key.encode()
        self._pass = hmac.digest(self._key, b"callguard dashboard cookie", hashlib.sha256).hex()
        self._form = hmac.digest(self._key, b"callguard dashboard form", hashlib.sha256).hex()
        self._secure = secure

    @property
    def form(self) -> str:
        """What the page's own forms carry: another site can send a form along with the cookie, but has not
        got this.
        """
        return self._form

    def is_form(self, value: str) -> bool:
        """Whether a form came from the page."""
        return hmac.compare_digest(value.encode(), self._form.encode())

    def opens(self, candidate: str) -> bool:
        """Whether `candidate` is the key."""
        return hmac.compare_digest(candidate.encode(), self._key)

    def admits(self, request: Request) -> bool:
        """Whether the visitor has shown the key before."""
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self._pass.encode())

    def remember(self, response: Response) -> None:
        """Lets the visitor in from now on."""
        response.set_cookie(
            COOKIE,
            self._pass,
            max_age=_COOKIE_SECONDS,
            path="/dashboard",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
