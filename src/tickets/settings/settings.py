"""Settings, from environment variables that start with `TICKETS_`; a wrong one is told in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tickets.domain.rate_limits import RateLimit

PREFIX = "TICKETS_"

Value = TypeVar("Value")

# Scheme, host and perhaps a port, with nothing behind them: an origin as a browser sends it. A whole first label may be
# left open. Anything else could not match, or would end up in a header as more than an origin.
_ORIGIN = re.compile(
    r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?"
)


# What no honest person meets: somebody who answers fast, an office behind one address whose sessions have all ended.
_CREATES = RateLimit(60, timedelta(hours=1))
_REPLIES = RateLimit(300, timedelta(hours=1))
_FAILED_SIGN_INS = RateLimit(1000, timedelta(hours=1))


class SettingsError(Exception):
    """A setting is wrong or missing, with a sentence that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, one field per variable: `database_url` is `TICKETS_DATABASE_URL`."""

    database_url: str | None = None
    """PostgreSQL to use, as `postgresql://user:password@host:port/database`; None is the embedded one."""

    admin_token: tuple[str, ...] = ()
    """What the admin side signs in with; several, comma-separated, while one is being rotated."""

    host: str = "127.0.0.1"
    """The address to listen on."""

    port: int = 8000
    """The port to listen on."""

    workers: int = 1
    """Server processes, each with a connection pool of its own."""

    max_connections: int = 1000
    """Connections of clients that one process holds open; who comes then is told to come back."""

    client_timeout: float = 20.0
    """Seconds within which a request has to be here in full, and an answer has to be taken up."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose word on who the client is counts, comma-separated."""

    identity: str = "tokens"
    """Who holds a bearer token: `tokens`, `sessions`, or the path of an SQL file with one's own query."""

    rate_creates: RateLimit = _CREATES
    """Tickets that a user may open, such as `60/hour`; 0 is no limit."""

    rate_replies: RateLimit = _REPLIES
    """Messages that a user may add to threads; 0 is no limit."""

    rate_failed_sign_ins: RateLimit = _FAILED_SIGN_INS
    """Wrong credentials that may come from an address; 0 is no limit."""

    token_lifetime: timedelta = timedelta(hours=720)
    """Hours for which a token from `tickets user add` is good."""

    token_cache: float = 10.0
    """Seconds for which a process remembers who holds a token, revoked or not; 0 asks each time.

    Where it listens for changes it remembers its own tokens for longer, and a revoked one for a second.
    """

    listen: bool = True
    """Whether each process listens for changes, on a connection more, to answer badges from memory.

    Not behind PgBouncer in transaction mode, which does not pass them on.
    """

    close_resolved_after: timedelta = timedelta(hours=168)
    """Hours after which a resolved ticket to which nothing happens is closed; 0 is never."""

    database_pool_size: int = 10
    """Connections of one process at the most."""

    database_pool_queue: int = 500
    """Requests of one process that may wait for a connection; more are told to come back."""

    database_timeout: float = 10.0
    """Seconds that a request waits for a connection, and that a statement may take."""

    database_statement_cache: int = 100
    """Prepared statements kept per connection; 0 behind PgBouncer in transaction mode."""

    frame_ancestors: tuple[str, ...] = ()
    """Origins that may show the dashboards in a frame, comma-separated; none where absent."""

    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API, comma-separated, as embedding does; none where absent."""

    metrics: bool = True
    """Whether there are metrics at `/metrics`, and anything is measured at all."""

    metrics_token: str | None = None
    """The bearer token for `/metrics`; None lets in whoever asks the service directly."""

    log_format: str = "auto"
    """`json`, `text`, or `auto`: text where a person watches, JSON lines everywhere else."""

    log_level: str = "info"
    """What is logged at least: `debug`, `info`, `warning` or `error`."""

    access_log: bool = False
    """Whether each request has a log line."""

    opentelemetry: bool = False
    """Whether requests and statements are traced, and sent to where `OTEL_…` variables say."""

    data_folder: Path | None = None
    """Where the embedded PostgreSQL keeps its data; None is the user's data folder."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read what is set; raise `SettingsError` for the first value that is wrong.

        An empty variable counts as absent. A `TICKETS_` variable that does not exist is an error
        too, since it is nearly always a misspelt one that would silently have no effect.
        """
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            name = variable.removeprefix(PREFIX).lower()
            if not variable.startswith(PREFIX) or name.startswith("test_"):
                continue
            # Kubernetes sets these in every pod beside a Service that is called `tickets`
            if name.startswith(("service_", "port_")) or text.startswith("tcp://"):
                continue
            if name not in _READERS:
                raise SettingsError(_unknown(variable))
            if text.strip():
                values[name] = _READERS[name](variable, text.strip())
        return cls(**values)

    def environment(self) -> dict[str, str]:
        """Return the variables from which `read` makes these settings again, in another process."""
        return {PREFIX + name.upper(): _written(getattr(self, name)) for name in _READERS}


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case timedelta():
            return str(value / timedelta(hours=1))
        case RateLimit():
            return f"{value.limit}/{_NAMES[value.period]}"
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def _unknown(variable: str) -> str:
    close = get_close_matches(variable.removeprefix(PREFIX).lower(), _READERS, n=1)
    known = ", ".join(PREFIX + name.upper() for name in sorted(_READERS))
    hint = f"did you mean {PREFIX}{close[0].upper()}?" if close else f"known are {known}."
    return f"{variable} is not a setting; {hint}"


def _text(_variable: str, text: str) -> str:
    return text


def _path(variable: str, text: str) -> Path:
    try:
        return Path(text).expanduser().resolve()
    except RuntimeError as error:
        raise SettingsError(f"{variable} is no path: {error}") from error


def _token(variable: str, text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(f"{variable} must be a token of printable ASCII.")
    return text


_ON = ("on", "true", "yes", "1")


def _one_of(*choices: str) -> Callable[[str, str], str]:
    def read(variable: str, text: str) -> str:
        if text.lower() not in choices:
            raise SettingsError(f"{variable} must be one of {', '.join(choices)}, not {text!r}.")
        return text.lower()

    return read


def _flag(variable: str, text: str) -> bool:
    return _one_of(*_ON, "off", "false", "no", "0")(variable, text) in _ON


def _url(variable: str, text: str) -> str:
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("postgresql", "postgres"):
        message = f"{variable} must look like postgresql://user:password@host:5432/database."
        raise SettingsError(message)
    return text


def _tokens(variable: str, text: str) -> tuple[str, ...]:
    tokens = tuple(token.strip() for token in text.split(",") if token.strip())
    if not tokens or not all(token.isascii() and token.isprintable() for token in tokens):
        message = f"{variable} must be one or more tokens of printable ASCII, comma-separated."
        raise SettingsError(message)
    return tokens


def _origins(variable: str, text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    if not origins or not all(_ORIGIN.fullmatch(origin) for origin in origins):
        message = f"{variable} must be origins like https://www.example.com, comma-separated, not {text!r}."
        raise SettingsError(message)
    return origins


def _networks(variable: str, text: str) -> tuple[str, ...]:
    networks = tuple(network.strip() for network in text.split(",") if network.strip())
    try:
        for network in networks:
            ip_network(network)
    except ValueError as error:
        message = (
            f"{variable} must be addresses and networks like 10.0.0.0/8, comma-separated: {error}."
        )
        raise SettingsError(message) from error
    return networks


_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}

_NAMES = {period: unit for unit, period in _UNITS.items()}

_RATE = re.compile(r"([0-9]{1,7})(?:\s*/\s*(second|minute|hour|day))?")

LARGEST_RATE = 1_000_000


def _rate_limit(variable: str, text: str) -> RateLimit:
    found = _RATE.fullmatch(text)
    if found and int(found[1]) <= LARGEST_RATE and (found[2] or int(found[1]) == 0):
        return RateLimit(int(found[1]), _UNITS[found[2] or "hour"])
    message = (
        f"{variable} must be a number of 1 to {LARGEST_RATE:,} per second, minute, hour or day, "
        f"such as 60/hour, or 0 for no limit, not {text!r}."
    )
    raise SettingsError(message)


def _number(
    convert: Callable[[str], Value], kind: str, least: float, most: float
) -> Callable[[str, str], Value]:
    def read(variable: str, text: str) -> Value:
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # type: ignore[operator] # int or float
            message = f"{variable} must be {kind} from {least:g} to {most:g}, not {text!r}."
            raise SettingsError(message)
        return value

    return read


def _whole(least: int, most: int) -> Callable[[str, str], int]:
    return _number(int, "a whole number", least, most)


def _hours(least: float) -> Callable[[str, str], timedelta]:
    # up to a hundred years, which the calendar can still add to today
    number = _number(float, "a number of hours", least, 876_000)
    return lambda variable, text: timedelta(hours=number(variable, text))


_READERS: Mapping[str, Callable[[str, str], object]] = {
    "database_url": _url,
    "admin_token": _tokens,
    "host": _text,
    "port": _whole(1, 65535),
    "workers": _whole(1, 64),
    "max_connections": _whole(1, 100_000),
    "client_timeout": _number(float, "a number of seconds", 0.1, 600),
    "trusted_proxies": _networks,
    "identity": _text,
    "rate_creates": _rate_limit,
    "rate_replies": _rate_limit,
    "rate_failed_sign_ins": _rate_limit,
    "token_lifetime": _hours(0.01),
    "token_cache": _number(float, "a number of seconds", 0, 300),
    "listen": _flag,
    "close_resolved_after": _hours(0),
    "database_pool_size": _whole(1, 500),
    "database_pool_queue": _whole(0, 100_000),
    "database_timeout": _number(float, "a number of seconds", 0.1, 600),
    "database_statement_cache": _whole(0, 10_000),
    "frame_ancestors": _origins,
    "cors_origins": _origins,
    "metrics": _flag,
    "metrics_token": _token,
    "log_format": _one_of("auto", "json", "text"),
    "log_level": _one_of("debug", "info", "warning", "error"),
    "access_log": _flag,
    "opentelemetry": _flag,
    "data_folder": _path,
}
