"""The order in which a person's ways are tried for one waiting caller."""

from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.call import FINAL
from callguard.domain.delivery import Delivery, TriedLeg, in_order, next_delivery

HOME = "+12025550110"
ways = st.lists(
    st.builds(
        Delivery,
        kind=st.just("second_number"),
        address=st.sampled_from([f"+120255501{number}" for number in range(30, 36)]),
        looping=st.booleans(),
    )
)


@given(ways)
def test_each_way_is_tried_once_and_those_that_loop_last(deliveries: list[Delivery]) -> None:
    ordered = in_order(deliveries, HOME)
    tried: list[TriedLeg] = []
    rung: list[Delivery] = []
    while (way := next_delivery(ordered, tried)) is not None:
        rung.append(way)
        tried.append(TriedLeg(way.address, "busy", given_up=False))
    assert len({way.address for way in rung}) == len(rung)
    assert {way.address for way in rung} == ({way.address for way in deliveries} or {HOME})
    assert [way.looping for way in rung] == sorted(way.looping for way in rung)


@given(ways)
def test_among_equals_the_persons_order_holds(deliveries: list[Delivery]) -> None:
    sound = [way for way in deliveries if not way.looping]
    assert [way for way in in_order(deliveries, HOME) if not way.looping] == (
        sound or ([] if deliveries else [Delivery("same_number", HOME)])
    )


def test_a_leg_is_over_by_its_end_or_when_it_was_given_up() -> None:
    assert all(TriedLeg(HOME, status, given_up=False).is_over for status in FINAL)
    assert not TriedLeg(HOME, "ringing", given_up=False).is_over
    assert TriedLeg(HOME, "in-progress", given_up=True).is_over
