"""Parsers for the values of environment variables, and `as_text`, which reverses all of them.

A parser takes the variable's name and its text without surrounding spaces. It raises
`SettingsError` with one line that names the variable and the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from tickets.domain.rate_limits import RateLimit
from tickets.settings.database_url import UnusableUrl, driver_url
from tickets.settings.errors import SettingsError

Value = TypeVar("Value")
Number = TypeVar("Number", int, float)

Parser: TypeAlias = Callable[[str, str], Value]

MAX_RATE_LIMIT = 1_000_000
"""Largest number in a rate limit."""

MIN_TOKEN_LENGTH = 16
"""Characters of a token: 16 random ones cannot be guessed, and a short one can."""

MIN_SECRET_LENGTH = 32
"""Characters of a shared secret: as many bytes as HS256's hash."""

MAX_QUOTED_LENGTH = 60
"""Characters of a wrong value that its error repeats."""

MAX_HOURS = 876_000.0
"""A hundred years, which can still be added to today's date."""

# Scheme, host and an optional port, as browsers send an origin; the first label may be `*`.
# Anything else could never match, or would end up in a response header as more than an origin.
_ORIGIN = re.compile(
    r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?"
)

# As `as_text` writes numbers, and as clients must write theirs: Python's own parsers also accept
# "1_000", "+5", "007" and digits of other scripts.
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,19}")
_DECIMAL_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?")

# What no URL has as it is (RFC 3986), and what could end an attribute of a page.
UNSAFE_IN_URL = re.compile(r"[^A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]")

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_RATE_LIMIT = re.compile(r"(0|[1-9][0-9]{0,6})(?:\s*/\s*(second|minute|hour|day))?")

_PERIODS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}

_PERIOD_NAMES = {period: name for name, period in _PERIODS.items()}

_ON = ("on", "true", "yes", "1")
_OFF = ("off", "false", "no", "0")


def as_text(value: object) -> str:
    """Return the text that is parsed to this value; None and () are the empty text."""
    match value:
        case None:
            text = ""
        case bool():
            text = "on" if value else "off"
        case float():
            # not "1e-05"; `repr` has the fewest digits that are read as the same number
            text = f"{Decimal(repr(value)):f}".removesuffix(".0")
        case timedelta():
            text = as_text(value / timedelta(hours=1))
        case RateLimit():
            text = f"{value.limit}/{_PERIOD_NAMES[value.period]}"
        case tuple():
            text = ",".join(value)
        case _:
            text = str(value)
    return text


def text(_variable: str, text: str) -> str:
    """Accept any text."""
    return text


def path(variable: str, text: str) -> Path:
    """Parse a path, which may begin with `~`, into an absolute one."""
    try:
        return Path(text).expanduser().resolve()
    except RuntimeError as error:
        raise SettingsError(
            f"{variable} must be a valid path: {str(error).rstrip('.')}."
        ) from error


def token(variable: str, text: str) -> str:
    """Parse one token; the error does not repeat it."""
    if not _is_token(text):
        raise SettingsError(f"{variable} must be a token of {_TOKEN_RULE}.")
    return text


def tokens(variable: str, text: str) -> tuple[str, ...]:
    """Parse a list of at least one token; the error does not repeat them."""
    tokens = items(text)
    if not tokens or not all(_is_token(token) for token in tokens):
        raise SettingsError(
            f"{variable} must be one or more tokens, comma-separated, each of {_TOKEN_RULE}."
        )
    return tokens


def secrets(variable: str, text: str) -> tuple[str, ...]:
    """Parse a list of at least one shared secret; the error does not repeat them."""
    secrets = items(text)
    if not secrets or not all(
        _is_token(secret) and len(secret) >= MIN_SECRET_LENGTH for secret in secrets
    ):
        raise SettingsError(
            f"{variable} must be one or more secrets, comma-separated, each of at least "
            f"{MIN_SECRET_LENGTH} characters of printable ASCII."
        )
    return secrets


def identifier(variable: str, text: str) -> str:
    """Parse the name of a schema."""
    if not _IDENTIFIER.fullmatch(text):
        raise SettingsError(
            f"{variable} must be a name of at most 63 lower-case letters, digits and _, "
            f"not {quoted(text)}."
        )
    return text


def one_of(*choices: str) -> Parser[str]:
    """Return a parser of one of these words, in any case."""

    def parse(variable: str, text: str) -> str:
        if text.lower() not in choices:
            raise SettingsError(
                f"{variable} must be one of {', '.join(choices)}, not {quoted(text)}."
            )
        return text.lower()

    return parse


def switch(variable: str, text: str) -> bool:
    """Parse `on` or `off`, or one of their synonyms."""
    return one_of(*_ON, *_OFF)(variable, text) in _ON


def postgres_url(variable: str, text: str) -> str:
    """Parse the URL of a database; the error does not repeat it, as it may hold a password."""
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("postgresql", "postgres"):
        raise SettingsError(
            f"{variable} must look like postgresql://user:password@host:5432/database."
        )
    try:
        driver_url(text)
    except UnusableUrl as error:
        raise SettingsError(f"{variable} {error}.") from error
    return text


def origins(variable: str, text: str) -> tuple[str, ...]:
    """Parse a list of at least one origin."""
    origins = items(text)
    if not origins or not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise SettingsError(
            f"{variable} must be origins like https://www.example.com, comma-separated, "
            f"not {quoted(text)}."
        )
    return origins


def page_of_id(variable: str, text: str) -> str:
    """Parse the address of a page with `{id}` in it, once: `https://app.example.com/users/{id}`."""
    try:
        url = urlsplit(text)
        is_page = url.scheme in ("http", "https") and bool(url.hostname)
        host = url.netloc
    except ValueError:
        is_page, host = False, ""
    braces = text.replace("{id}", "", 1)
    if (
        not is_page
        or text.count("{id}") != 1
        or "{id}" in host
        or UNSAFE_IN_URL.search(braces) is not None
    ):
        message = (
            f"{variable} must be an https:// or http:// address with {{id}} in its path or query, "
            f"such as https://app.example.com/users/{{id}}, not {quoted(text)}."
        )
        raise SettingsError(message)
    return text


def networks(variable: str, text: str) -> tuple[str, ...]:
    """Parse a list of IP addresses and networks."""
    networks = items(text)
    try:
        for network in networks:
            ip_network(network)
    except ValueError as error:
        raise SettingsError(
            f"{variable} must be addresses and networks like 10.0.0.0/8, comma-separated: {error}."
        ) from error
    return networks


def rate_limit(variable: str, text: str) -> RateLimit:
    """Parse a rate limit such as `60/hour`; the number 0, for no limit, needs no period."""
    found = _RATE_LIMIT.fullmatch(text)
    if found and int(found[1]) <= MAX_RATE_LIMIT and (found[2] or int(found[1]) == 0):
        return RateLimit(int(found[1]), _PERIODS[found[2] or "hour"])
    raise SettingsError(
        f"{variable} must be a number of 1 to {MAX_RATE_LIMIT:,} per second, minute, hour or day, "
        f"such as 60/hour, or 0 for no limit, not {quoted(text)}."
    )


def whole_number(minimum: int, maximum: int) -> Parser[int]:
    """Return a parser of a whole number within these bounds."""
    return _number(int, _WHOLE_NUMBER, "a whole number", minimum, maximum)


def seconds(minimum: float, maximum: float) -> Parser[float]:
    """Return a parser of a number of seconds within these bounds."""
    return _number(float, _DECIMAL_NUMBER, "a number of seconds", minimum, maximum)


def minutes(minimum: float, maximum: float) -> Parser[float]:
    """Return a parser of a number of minutes within these bounds."""
    return _number(float, _DECIMAL_NUMBER, "a number of minutes", minimum, maximum)


def hours(minimum: float) -> Parser[timedelta]:
    """Return a parser of a number of hours, at least the minimum."""
    parse = _number(float, _DECIMAL_NUMBER, "a number of hours", minimum, MAX_HOURS)
    return lambda variable, text: timedelta(hours=parse(variable, text))


def _number(
    convert: Callable[[str], Number],
    form: re.Pattern[str],
    kind: str,
    minimum: Number,
    maximum: Number,
) -> Parser[Number]:
    def parse(variable: str, text: str) -> Number:
        if form.fullmatch(text) and minimum <= (value := convert(text)) <= maximum:
            return value
        raise SettingsError(
            f"{variable} must be {kind} from {minimum:g} to {maximum:g}, not {quoted(text)}."
        )

    return parse


def items(text: str) -> tuple[str, ...]:
    """Return the items of a comma-separated list."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


_TOKEN_RULE = f"at least {MIN_TOKEN_LENGTH} characters of printable ASCII"


def _is_token(text: str) -> bool:
    return len(text) >= MIN_TOKEN_LENGTH and text.isascii() and text.isprintable()


def quoted(text: str) -> str:
    """Return a wrong value for its error, cut where it is long."""
    return repr(text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…")
