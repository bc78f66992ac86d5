"""Signals hold their state in a form that people can read and a database can keep."""

from callguard.domain.signals import FraudType, NotAvailable, SignalName, SignalState, Tactic


def test_a_voice_score_that_does_not_exist_yet_says_so() -> None:
    deepfake = NotAvailable(SignalName.DEEPFAKE, SignalState.NOT_AVAILABLE_YET)

    assert (deepfake.signal, deepfake.state) == ("deepfake", "not available yet")
    assert not hasattr(deepfake, "risk")


def test_names_are_stable() -> None:
    assert [*FraudType] == [
        "government", "bank", "tech_support", "family_emergency", "prize", "investment", "romance",
        "health_insurance", "utility", "parcel", "job", "charity", "debt", "extortion", "refund", "other",
    ]  # fmt: skip
    assert len({*Tactic}) == len(Tactic)
