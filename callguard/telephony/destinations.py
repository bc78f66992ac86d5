"""The last look before something is sent or dialled: whether callguard may reach that number."""

from callguard.domain.destinations import Refusal, refusal
from callguard.errors import DestinationRefused


class Destinations:
    """`countries` (ISO 3166-1 alpha-2) are allowed beside that of each person's own number."""

    def __init__(self, countries: tuple[str, ...]) -> None:
        self._countries = frozenset(countries)

    def refusal(self, address: str, *, home: str) -> Refusal | None:
        """Why an address is refused, None where it is not; `home` is the person's own number."""
        return refusal(address, home=home, countries=self._countries)

    def check(self, address: str, *, home: str) -> None:
        """Raises DestinationRefused."""
        refused = self.refusal(address, home=home)
        if refused is not None:
            raise DestinationRefused(
                "A number lies outside of the countries that may be reached, or costs extra. "
                "Set ALERT_COUNTRIES, or take the number out.",
                reason=refused,
            )
