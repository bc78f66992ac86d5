"""The detectors by name, each behind the guard."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from callguard.config import Settings
from callguard.errors import ConfigurationError
from callguard.voice.deepfake import shipped
from callguard.voice.deepfake.guard import guarded
from callguard.voice.deepfake.onnx_file import OnnxDetector
from callguard.voice.deepfake.port import Detector
from callguard.voice.deepfake.remote import RemoteDetector

SHIPPED: Final = "shipped"
REMOTE: Final = "remote"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which detector: `shipped`, `remote`, or an ONNX network's path. Other processes can be given it."""

    name: str = SHIPPED
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    has_fallback: bool = False
    """Whether the shipped network judges while a server gives no answer."""

    @classmethod
    def of(cls, settings: Settings, name: str | None = None) -> Self:
        """By that name, else the network that is set, else the shipped one.

        Never a server unless it is named: whoever judges a file at home keeps it at home.
        Raises ConfigurationError where the server has no address.
        """
        chosen = name or str(settings.deepfake_model_path or SHIPPED)
        if chosen != REMOTE:
            return cls(chosen)
        if settings.deepfake_api_url is None:
            raise ConfigurationError("No voice server is known. Set DEEPFAKE_API_URL.")
        key = settings.deepfake_api_key
        return cls(chosen, settings.deepfake_api_url, key.get_secret_value() if key else None)

    @classmethod
    def for_calls(cls, settings: Settings) -> Self:
        """What judges calls: the server where one is set, the shipped network behind it; else as `of`."""
        if settings.deepfake_api_url is None:
            return cls.of(settings)
        return replace(cls.of(settings, REMOTE), has_fallback=True)

    @property
    def is_file(self) -> bool:
        """Whether it is a network by its path."""
        return self.name not in (SHIPPED, REMOTE)

    def load(self) -> Detector:
        """The detector, ready to judge. Raises DetectorError where it can't be used."""
        if self.name == SHIPPED:
            return guarded(shipped.load())
        if self.name == REMOTE and self.url:
            return guarded(RemoteDetector(self.url, self.key, shipped.load() if self.has_fallback else None))
        return guarded(OnnxDetector(Path(self.name)))
