"""What a score is called, and from where on.

`likely_real` is the interfaces' word for 'no evidence of synthesis': no low score shows that a voice is
human. People read the latter.
"""

from enum import StrEnum
from typing import Final

SYNTHETIC_ABOVE: Final = 0.7
REAL_BELOW: Final = 0.3
HIGH_FROM: Final = 0.7
MEDIUM_FROM: Final = 0.4


class Label(StrEnum):
    """The score in a word."""

    LIKELY_REAL = "likely_real"
    UNCERTAIN = "uncertain"
    LIKELY_SYNTHETIC = "likely_synthetic"


class RiskLevel(StrEnum):
    """The score as a reviewer sorts recordings by it."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    UNSCORED = "UNSCORED"
    ERROR = "ERROR"


PLAIN: Final = {
    Label.LIKELY_REAL: "no evidence of synthesis",
    Label.UNCERTAIN: "uncertain",
    Label.LIKELY_SYNTHETIC: "likely synthetic",
}
"""The same words as people read them."""


def label(score: float | None) -> Label:
    """`uncertain` where there is no score."""
    if score is not None and score > SYNTHETIC_ABOVE:
        return Label.LIKELY_SYNTHETIC
    return Label.LIKELY_REAL if score is not None and score < REAL_BELOW else Label.UNCERTAIN


def risk_level(score: float | None) -> RiskLevel:
    """HIGH from 0.7 and MEDIUM from 0.4 on; UNSCORED where there is no score."""
    if score is None:
        return RiskLevel.UNSCORED
    if score >= HIGH_FROM:
        return RiskLevel.HIGH
    return RiskLevel.MEDIUM if score >= MEDIUM_FROM else RiskLevel.LOW
