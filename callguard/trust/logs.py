"""Logging, set up once: structured events, and one processor that lets no personal data through."""

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

# Anything that could be a number, an address or a key: events carry kinds, codes and ids of ours, nothing
# else.
_PERSONAL = re.compile(
    r"\+?\d[\d\s()./-]{6,}\d"  # telephone, card and account numbers
    r"|[\w.+-]+@[\w-]+\.[\w.]+"  # mail addresses
    r"|(?:key|token|secret|password)=[^\s&\"']+"
    r"|://[^\s/@]+@"  # the login in an address
    r"|\b(?:Basic|Bearer) \S+",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Values that hold no free text, and look like numbers to the pattern.
_PLAIN_KEYS = frozenset({"timestamp", "level", "logger", "port"})
# What structlog carries along until `_without_traceback` and `remove_processors_meta` take it out.
_CARRIED_KEYS = frozenset({"exc_info", "_record"})
REDACTED = "[redacted]"
_PLACES_SHOWN = 4


def redact(text: str) -> str:
    """The text without what could identify somebody; ids of ours (UUIDs) stay."""
    kept: list[str] = []
    last = 0
    for match in _UUID.finditer(text):
        kept += [_PERSONAL.sub(REDACTED, text[last : match.start()]), match.group()]
        last = match.end()
    return "".join([*kept, _PERSONAL.sub(REDACTED, text[last:])])


def _redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event.keys() - _PLAIN_KEYS - _CARRIED_KEYS:
        event[key] = _redacted(event[key])
    return event


def _redacted(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(_without_text(value)))


def _without_text(value: object) -> object:
    """An exception's text can hold a row's values: its type stands in its place."""
    return type(value).__name__ if isinstance(value, BaseException) else value


def set_up_logs(level: str, style: Literal["text", "json"]) -> None:
    """Our events and those of libraries go to standard error by one way, redacted."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_event,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_render_message, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_traceback,
                renderer,
            ],
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):  # its own command line gives them handlers
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for chatty in ("aiohttp", "httpx", "httpx2", "openai", "twilio", "websockets", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _render_message(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A library's message with its arguments put in: the first line, since asyncio goes on to quote
    exceptions.
    """
    template, arguments = event["_record"].msg, event.pop("positional_args")
    if isinstance(arguments, Mapping):
        arguments = {name: _without_text(value) for name, value in arguments.items()}
    else:
        arguments = tuple(_without_text(value) for value in arguments or ())
    message = str(_without_text(template))
    event["event"] = (message % arguments if arguments else message).partition("\n")[0]
    return event


def _without_traceback(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Of an exception only its type is kept, and the places it came through."""
    raised = event.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else sys.exc_info()[1] if raised is True else raised
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        places = [
            f"{frame.f_code.co_filename.rpartition('/')[2]}:{line}"
            for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        event["raised_at"] = " > ".join(places[-_PLACES_SHOWN:])
    return event
