"""The pattern language of the lexicon."""

import pytest

from callguard.analysis.phrases import Index, Pattern, load_lexicon


def _found(pattern: str, text: str) -> list[str]:
    words = tuple(text.split())
    index = Index([(Pattern(pattern), None)])
    return [" ".join(words[start:end]) for start, end, _ in index.matches(words)]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("gift card", "a gift card please", ["gift card"]),
        ("gift card", "gift", []),
        ("gift (card|cards)", "gift cards and a gift card", ["gift cards", "gift card"]),
        ("(safe account|locker)", "a safe account or a locker", ["safe account", "locker"]),
        ("(pin|pin number)", "the pin number", ["pin number"]),
        ("(pin|pin number)", "the pin", ["pin"]),
        ("read [me|us] the code", "read the code", ["read the code"]),
        ("read [me|us] the code", "read me the code", ["read me the code"]),
        ("read [me|us] the code", "read them the code", []),
        ("[your] badge", "badge", ["badge"]),
        ("buy * cards", "buy cards", ["buy cards"]),
        ("buy * cards", "buy two gift cards", ["buy two gift cards"]),
        ("buy * cards", "buy one two three cards", ["buy one two three cards"]),
        ("buy * cards", "buy one two three four cards", []),
        ("press 1", "press 1", ["press 1"]),
    ],
)
def test_matches(pattern: str, text: str, found: list[str]) -> None:
    assert _found(pattern, text) == found


@pytest.mark.parametrize(
    "pattern", ["(a|b", "a (b (c|d))", "Gift card", "dont? go", "", "[maybe]", "* *", "(a|)"]
)
def test_what_is_not_a_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|compared"):
        Pattern(pattern)


def test_there_is_no_lexicon_for_a_language_that_has_none() -> None:
    with pytest.raises(ValueError, match="eo"):
        load_lexicon("eo")
