"""What tests of listening share."""

import pytest

from callguard.listening import voice_book


@pytest.fixture(autouse=True)
def voices_judged_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says more in a test: what a voice told need not wait for the next words."""
    monkeypatch.setattr(voice_book, "ALONG_SECONDS", 0.1)
