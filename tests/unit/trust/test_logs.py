import asyncio
import gc
import io
import json
import logging
import logging.config
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Literal, NoReturn
from uuid import UUID, uuid4

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.config import LOGGING_CONFIG

from callguard.trust.logs import REDACTED, redact, set_up_logs

NUMBER = "+12025550143"
SAID = "read me the code on the gift card"


class TestRedact:
    @pytest.mark.parametrize(
        "personal",
        [
            NUMBER,
            "+1 (202) 555-0143",
            "202-555-0143",
            "202.555.0143",
            "0171/5550143",
            "4111 1111 1111 1111",
            "margaret.hale@example.org",
            "margaret+bank@mail.example.co.uk",
        ],
    )
    @pytest.mark.parametrize("around", ["{}", "call from {} refused", "'{}'", "a={},b"])
    def test_numbers_and_addresses_go(self, personal: str, around: str) -> None:
        redacted = redact(around.format(personal))

        assert redacted == around.format(REDACTED) or personal not in redacted
        assert not any(part in redacted for part in ("0143", "1111", "margaret"))

    @pytest.mark.parametrize(
        "text",
        [
            "GET /dashboard?key=s3cret&page=2",
            "GET /x?a=1&token=s3cret",
            "password=s3cret",
            "postgresql://owner:s3cret@localhost:5432/callguard",
            "authorization: Bearer s3cret",
            "authorization: Basic s3cret==",
        ],
    )
    def test_tokens_go(self, text: str) -> None:
        assert "s3cret" not in redact(text)

    @given(st.uuids())
    def test_ids_of_ours_stay(self, known: UUID) -> None:
        assert redact(f"alert {known} sent") == f"alert {known} sent"

    def test_a_number_beside_an_id_goes(self) -> None:
        known = uuid4()

        assert redact(f"{NUMBER} {known} {NUMBER}") == f"{REDACTED} {known} {REDACTED}"

    @given(st.text(alphabet="abc ,:'\n"), st.integers(10_000_000, 10**15 - 1), st.text(alphabet="abc ,:'\n"))
    def test_no_surroundings_hide_a_number(self, before: str, number: int, after: str) -> None:
        assert str(number) not in redact(f"{before}+{number}{after}")

    @given(st.text(alphabet=st.characters(exclude_categories=["N"], exclude_characters="@=:")))
    def test_plain_words_stay(self, words: str) -> None:
        if "basic " not in words.lower() and "bearer " not in words.lower():
            assert redact(words) == words


@contextmanager
def logging_as(style: Literal["text", "json"]) -> Iterator[io.StringIO]:
    """What a server logs in this style; what the run had is put back."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn")
    handlers, level, uvicorn_handlers = root.handlers[:], root.level, uvicorn.handlers[:]
    try:
        with redirect_stderr(io.StringIO()) as output:
            set_up_logs("info", style)
        yield output
    finally:
        root.handlers[:], uvicorn.handlers[:] = handlers, uvicorn_handlers
        root.setLevel(level)
        structlog.reset_defaults()


def fail() -> NoReturn:
    raise ValueError(f"{NUMBER} said: {SAID}")


def raised() -> ValueError:
    with pytest.raises(ValueError, match=SAID) as caught:
        fail()
    return caught.value


class TestOutput:
    @pytest.fixture(params=["text", "json"], autouse=True)
    def _logging(self, request: pytest.FixtureRequest) -> Iterator[None]:
        with logging_as(request.param) as self.output:
            yield

    def written(self) -> str:
        """What was logged since the last look; nothing personal ever is."""
        text = self.output.getvalue()
        self.output.seek(0)
        self.output.truncate()
        assert NUMBER[1:] not in text
        assert SAID not in text
        return text

    def test_an_event_and_its_harmless_values_are_kept(self) -> None:
        known = uuid4()
        structlog.get_logger("callguard.test").info(
            "call_opened", id=known, port="8000", seconds=1.5, ok=True
        )

        text = self.written()
        assert "call_opened" in text
        assert str(known) in text
        assert "8000" in text
        assert "callguard.test" in text

    @pytest.mark.parametrize(
        "value", [NUMBER, [NUMBER], {"from": NUMBER}, (NUMBER,), NUMBER.encode(), raised()]
    )
    def test_personal_values_are_redacted_whatever_holds_them(self, value: object) -> None:
        structlog.get_logger("callguard.test").info("call_opened", value=value)

        assert "call_opened" in self.written()

    def test_a_personal_event_is_redacted(self) -> None:
        structlog.get_logger("callguard.test").info(f"call from {NUMBER}")

        assert f"call from {REDACTED}" in self.written()

    @pytest.mark.parametrize("way", ["exception", "exc_info=True", "exc_info=error"])
    @pytest.mark.parametrize("logger", [structlog.get_logger("callguard.test"), logging.getLogger("library")])
    def test_of_an_exception_type_and_place_are_kept_and_never_the_text(
        self, logger: logging.Logger, way: str
    ) -> None:
        try:
            fail()
        except ValueError as error:
            if way == "exception":
                logger.exception("failed")
            else:
                logger.error("failed", exc_info=True if way == "exc_info=True" else error)

        text = self.written()
        assert "ValueError" in text
        assert "test_logs.py:" in text
        assert "Traceback" not in text

    def test_an_exception_put_into_a_message_leaves_its_type(self) -> None:
        logging.getLogger("library").warning("could not: %s", raised())
        assert "could not: ValueError" in self.written()

        logging.getLogger("library").warning(raised())
        assert "ValueError" in self.written()

    @pytest.mark.parametrize(
        ("message", "arguments"),
        [
            (
                '%s - "%s %s HTTP/%s" %d',
                ("10.0.0.1:1", "GET", f"/incoming-call?From=%2B{NUMBER[1:]}", "1.1", 200),
            ),
            ("%(method)s %(number)s", ({"method": "GET", "number": NUMBER},)),
            (f"GET {NUMBER}", ()),
        ],
    )
    def test_a_library_message_is_redacted_after_its_arguments_are_put_in(
        self, message: str, arguments: tuple[object, ...]
    ) -> None:
        logging.getLogger("library").warning(message, *arguments)

        text = self.written()
        assert "GET" in text
        assert REDACTED in text
        assert "%s" not in text

    def test_a_percent_sign_without_arguments_is_a_percent_sign(self) -> None:
        logging.getLogger("library").warning("100% done")

        assert "100% done" in self.written()

    async def test_an_exception_nobody_awaited_is_told_of_without_its_text(self) -> None:
        async def fail_later() -> None:
            fail()

        task = asyncio.create_task(fail_later())
        await asyncio.wait([task])
        del task
        gc.collect()

        text = self.written()
        assert "Task exception was never retrieved" in text
        assert "ValueError" in text


def test_handlers_that_uvicorn_made_for_itself_are_taken_over(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(LOGGING_CONFIG)
    with logging_as("text") as output:
        logging.getLogger("uvicorn.error").error("failed", exc_info=raised())
        logging.getLogger("uvicorn.access").info('%s - "%s"', "10.0.0.1:1", f"GET /?From={NUMBER}")
        taken_over = output.getvalue()

    assert "ValueError" in taken_over
    assert SAID not in taken_over
    assert NUMBER not in taken_over
    assert capsys.readouterr() == ("", "")


def test_json_is_one_object_a_line() -> None:
    with logging_as("json") as output:
        structlog.get_logger("callguard.test").warning("first", number=NUMBER)
        structlog.get_logger("callguard.test").debug("too_quiet")
        logging.getLogger("library").error("second\nline")

    events = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [(e["event"], e["level"]) for e in events] == [("first", "warning"), ("second", "error")]
    assert events[0]["number"] == REDACTED
