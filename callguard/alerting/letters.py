"""The words of an alert's message, from what is stored of it."""

from collections.abc import Sequence

from callguard.db.pool import Row
from callguard.domain.alert_texts import AlertText, Moment, alert_message
from callguard.domain.quotations import quotable
from callguard.domain.replies import code_of
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType
from callguard.domain.transcript import Speaker
from callguard.domain.words import contains, normalise
from callguard.trust.links import AlertLinks


class Letters:
    """Writes for one installation; the same alert is always written in the same words."""

    def __init__(self, links: AlertLinks) -> None:
        self._links = links

    def alert(self, row: Row) -> str:
        """The SMS of an alert as `alerts.for_sending` gives it.

        A number that has not confirmed itself may be a stranger's: it gets neither link nor quotation.
        """
        quote = row["verified"] and row["quote_in_alerts"]
        text = AlertText(
            level=AlertLevel(row["level"]),
            person=row["person_name"],
            caller=row["caller_number"],
            fraud_type=FraudType(row["fraud_type"]) if row["fraud_type"] else None,
            code=code_of(row["id"]),
            quotation=_telling(row["quotations"], row["full_transcript"]) if quote else None,
            link=self._links.url(row["id"]) if row["verified"] else None,
            moment=Moment(row["moment"]),
        )
        return alert_message(text, row["language"])


def _telling(quotations: Sequence[str], transcript: str) -> str | None:
    """The first quotation that may stand in a message and was spoken by the caller."""
    callers = normalise(
        " ".join(line for line in transcript.splitlines() if line.startswith(f"{Speaker.CALLER}:"))
    )
    return next((q for q in quotations if quotable(q) and contains(callers, normalise(q))), None)
