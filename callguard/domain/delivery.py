"""By which ways a person is rung for a waiting caller, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from callguard.domain.call import FINAL


class Delivery(msgspec.Struct, frozen=True):
    """A way to the person: `address` is an E.164 number, a `sip:` or a `client:` address.

    `looping`: a call dialled there came back to us.
    """

    kind: Literal["second_number", "sip", "client", "same_number"]
    address: str
    looping: bool = False


@dataclass(frozen=True, slots=True)
class TriedLeg:
    """A leg dialled for the caller. `given_up`: callguard itself gave it up, for a machine or a loop."""

    address: str
    status: str
    given_up: bool

    @property
    def is_over(self) -> bool:
        """Whether nobody can come on the line by it any more."""
        return self.given_up or self.status in FINAL


def in_order(deliveries: Sequence[Delivery], phone_number: str) -> list[Delivery]:
    """The ways in the order in which they are tried: the person's own, those that loop last.

    Somebody without any is rung at their phone number.
    """
    if not deliveries:
        return [Delivery("same_number", phone_number)]
    return sorted(deliveries, key=lambda delivery: delivery.looping)


def next_delivery(ordered: Sequence[Delivery], tried: Sequence[TriedLeg]) -> Delivery | None:
    """The first way that was not tried; None when all were."""
    addresses = {leg.address for leg in tried}
    return next((delivery for delivery in ordered if delivery.address not in addresses), None)
