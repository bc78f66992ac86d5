"""Another set-up as it is written down on a command line or in a file, and calls that come with callguard."""

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import msgspec

from callguard.analysis.models import SHIPPED, load
from callguard.domain.scoring import SCAM_FROM, SUSPECT_FROM
from callguard.errors import ConfigurationError
from callguard.evaluation.backtest import PastCall, SetUp, Wake
from callguard.evaluation.dialogues import Dialogue, growing, read_dialogues
from callguard.evaluation.waking import Phrases, shipped_phrases


class PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy as a TOML file says it; what it leaves out is as it is now."""

    wake: Wake | None = None
    warning_from: int = SUSPECT_FROM
    danger_from: int = SCAM_FROM

    def __post_init__(self) -> None:
        if not 0 < self.warning_from <= self.danger_from <= 100:
            raise ValueError("warning_from and danger_from must be 1 to 100, danger not below warning")


def read_policy(told: str) -> PolicyFile:
    """A policy by its name, or the file of one. Raises ConfigurationError."""
    if told in list(Wake):
        return PolicyFile(Wake(told))
    try:
        text = Path(told).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The policy must be {', '.join(Wake)}, or a file that can be read "
            f"({type(error).__name__}): {told}"
        ) from None
    try:
        return msgspec.convert(tomllib.loads(text), PolicyFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"The policy file {told} is wrong: {error}.") from None


def current_setup() -> SetUp:
    """Calls as they are judged now."""
    return SetUp(SHIPPED, load(SHIPPED))


def other_setup(model: str | None, phrases: Mapping[str, Phrases], policy: PolicyFile | None) -> SetUp:
    """What is given in place of what is now. Raises ConfigurationError where that is nothing."""
    if model is None and not phrases and policy is None:
        raise ConfigurationError("Say what to try: --model, --keywords, --policy.")
    name, given = model or SHIPPED, policy or PolicyFile()
    return SetUp(name, load(name), phrases, given.wake, given.warning_from, given.danger_from)


def described(setup: SetUp) -> str:
    """A set-up in a line for people."""
    keywords = ", ".join(f"{len(found)} {language}" for language, found in setup.phrases.items())
    return "; ".join(
        [
            f"model {setup.model} ({setup.scorer.version})",
            f"keywords {keywords or 'as they are'}",
            f"policy {setup.wake or 'as it is'}",
            f"warning from {setup.warning_from}, danger from {setup.danger_from}",
        ]
    )


def as_calls(dialogues: Sequence[Dialogue]) -> list[PastCall]:
    """Dialogues as calls of people whose set-up is as it ships."""
    return [
        PastCall(
            id=dialogue.id,
            at=None,
            language=dialogue.lang,
            utterances=tuple(growing(dialogue))[-1],
            phrases=shipped_phrases(dialogue.lang),
            label=dialogue.label,
        )
        for dialogue in dialogues
    ]


def bundled_dialogues() -> list[Dialogue]:
    """A scam and an honest call in each of the five languages."""
    with resources.as_file(resources.files("callguard.evaluation") / "bundled.jsonl") as path:
        return read_dialogues(path, labelled=True)
