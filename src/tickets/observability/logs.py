"""Logging: text for a person or one JSON object per line, with credentials redacted."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tickets.bounded_dict import BoundedDict
from tickets.observability.request_context import current_request, named_admin_of
from tickets.settings.settings import Settings

EXTRAS = ("status", "milliseconds", "database", "schema")
"""Further fields of a JSON line, from the `extra` of a log call."""

MIN_SECRET_LENGTH = 8
"""Shorter values are not redacted: they are no secrets, and every "a" of a line would go."""

SECONDS_PER_WARNING = 60.0
"""Time between two equal warnings of the web server."""

WEB_SERVER_LOGGER = "uvicorn.error"

MAX_KINDS = 100
"""Kinds of warnings whose last line is kept."""

CREDENTIAL_HEADERS = (b"authorization", b"x-admin-token")

# any token of the service's own, wherever it occurs
_OWN_TOKEN = re.compile(r"tk_[\w-]{40,}")


def redact(text: str) -> str:
    """Return the text without the credentials that the current request has sent."""
    scope = current_request.get()
    for name, value in () if scope is None else scope["headers"]:
        if name in CREDENTIAL_HEADERS:
            for part in (value.decode("latin-1"), value.decode("latin-1").rpartition(" ")[2]):
                if len(part) >= MIN_SECRET_LENGTH:
                    text = text.replace(part, "[secret]")
    return _OWN_TOKEN.sub("[secret]", text)


def request_fields() -> dict[str, str | int]:
    """Return the current request's id, method, route template without ids, and named admin's id."""
    scope = current_request.get()
    if scope is None:
        return {}
    fields: dict[str, str | int] = {
        "request_id": scope["state"]["request_id"],
        "method": scope["method"],
    }
    if "path_template" in scope:
        fields["route"] = scope["path_template"]
    if (admin := named_admin_of(scope)) is not None:
        fields["admin_id"] = admin.id
    return fields


class RepeatedWarnings(logging.Filter):
    """Rate limits the web server's warnings: one line a minute for each kind.

    A client that sends what is not HTTP causes one each time. Errors all pass.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start afresh; `monotonic` returns the seconds of a monotonic clock."""
        super().__init__()
        self._monotonic = monotonic
        self._next_lines = BoundedDict[object, float](MAX_KINDS)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log this record."""
        if record.levelno != logging.WARNING or record.name != WEB_SERVER_LOGGER:
            return True
        now = self._monotonic()
        if now < (self._next_lines.get(record.msg) or now):
            return False
        self._next_lines.put(record.msg, now + SECONDS_PER_WARNING)
        return True


class JSONLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message, request and further fields."""

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
    """A line of text for a person, followed by the traceback, if there is one."""

    def __init__(self) -> None:
        """Set the format of a line."""
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text, fields = super().format(record), request_fields()
        if fields:
            first, *rest = text.split("\n")
            if "admin_id" in fields:
                fields["admin_id"] = f"admin {fields['admin_id']}"
            text = "\n".join([f"{first} [{' '.join(map(str, fields.values()))}]", *rest])
        return redact(text)


def as_json(settings: Settings) -> bool:
    """Return whether lines are JSON; by default, unless standard error is a terminal."""
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"


def configuration(settings: Settings) -> Mapping[str, Any]:
    """Return the logging configuration of this process and of the server processes it starts.

    Everything goes to standard error, the server's own loggers included. Libraries log from
    `WARNING` on, whatever the level of the service.
    """
    level = settings.log_level.upper()
    library_level = "ERROR" if level == "ERROR" else "WARNING"
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
        "filters": {"repeated": {"()": "tickets.observability.logs.RepeatedWarnings"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["repeated"],
            }
        },
        "root": {"handlers": ["stderr"], "level": library_level},
        "loggers": {
            "tickets": {"level": level},
            # has a setting of its own, so that the level does not matter
            "tickets.access": {"level": "INFO"},
        },
    }


def configure(settings: Settings) -> None:
    """Configure logging in this process."""
    logging.config.dictConfig(dict(configuration(settings)))
