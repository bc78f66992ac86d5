"""How early a person's calls are judged, and by whom."""

from enum import StrEnum

LOCAL_SUSPICION = 30
"""The local scorer's risk, 0-100, from which a call is doubtful: others may be asked then."""


class AnalysisPolicy(StrEnum):
    """The person's choice, stored with each call. Callguard's own scorer never sends anything anywhere."""

    AFTER_KEYWORD = "after_keyword"  # nothing is judged before a keyword
    LOCAL_ALWAYS = "local_always"  # the local scorer sees each final result
    ALWAYS = "always"  # the LLM is asked from the first words on


def others_may_be_asked(policy: AnalysisPolicy, *, woken: bool, suspected: bool) -> bool:
    """Whether words may leave for a third party, such as the LLM: `woken` by a keyword, or `suspected` by the
    local scorer, now or earlier in the call.
    """
    return woken or suspected or policy is AnalysisPolicy.ALWAYS
