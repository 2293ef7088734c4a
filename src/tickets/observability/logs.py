"""What is logged, as text for a person or as one JSON object per line, and never with a token in it."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tickets.observability.request_context import current_request
from tickets.settings.settings import Settings

EXTRAS = ("status", "milliseconds", "database", "schema")
"""What a line may have besides, given as `extra`."""

# Shorter values are nobody's secret, and to take an "a" out of a line would leave nothing to read.
SHORTEST_SECRET = 8

CREDENTIALS = (b"authorization", b"x-admin-token")

# a token of the service's own, whoever brought it and wherever it stands
_OWN_TOKEN = re.compile(r"tk_[\w-]{40,}")


def redact(text: str) -> str:
    """Return the text without what the current request has signed in with, or tried to."""
    scope = current_request.get()
    for name, value in () if scope is None else scope["headers"]:
        if name in CREDENTIALS:
            for part in (value.decode("latin-1"), value.decode("latin-1").rpartition(" ")[2]):
                if len(part) >= SHORTEST_SECRET:
                    text = text.replace(part, "[secret]")
    return _OWN_TOKEN.sub("[secret]", text)


def request_fields() -> dict[str, str]:
    """Return which request a line belongs to: its id, its method and its route, which has no ids in it."""
    scope = current_request.get()
    if scope is None:
        return {}
    found = {"request_id": scope["state"]["request_id"], "method": scope["method"]}
    if "path_template" in scope:
        found["route"] = scope["path_template"]
    return found


class JSONLines(logging.Formatter):
    """One object per line: time, level, logger, message, and what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            **request_fields(),
        }
        line |= {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["traceback"] = redact(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


class Text(logging.Formatter):
    """A line for a person, with a traceback below it where there is one."""

    def __init__(self) -> None:
        """Begin with the time."""
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text, found = super().format(record), request_fields()
        if found:
            first, *rest = text.split("\n")
            text = "\n".join([f"{first} [{' '.join(found.values())}]", *rest])
        return redact(text)


def as_json(settings: Settings) -> bool:
    """Return whether lines are JSON: if it is not said, wherever nobody watches them at a terminal."""
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"


def configuration(settings: Settings) -> Mapping[str, Any]:
    """Return how logging is set up, for this process and for the server processes that it starts.

    Everything goes to standard error, the server's own loggers included. Libraries are heard from
    warnings on, however much of its own the service tells.
    """
    level = settings.log_level.upper()
    others = "ERROR" if level == "ERROR" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "tickets.observability.logs.JSONLines"
                if as_json(settings)
                else "tickets.observability.logs.Text"
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": others},
        "loggers": {
            "tickets": {"level": level},
            # asked for by name, and so told whatever the level is
            "tickets.access": {"level": "INFO"},
        },
    }


def configure(settings: Settings) -> None:
    """Set logging up in this process."""
    logging.config.dictConfig(dict(configuration(settings)))
