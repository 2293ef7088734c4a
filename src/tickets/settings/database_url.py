"""The parameters of a database URL: those of libpq that the driver lacks are understood or refused.

A URL that works with `psql` is often pasted from a hosting provider. The driver would send each
parameter that it does not know to the server as a setting, which the server refuses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

_FILES = ("passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl")

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        *("any", "read-write", "read-only"),
        *("primary", "standby", "prefer-standby"),
    ),
    "sslnegotiation": ("postgres", "direct"),
}
"""Parameters that the driver understands, and their values."""

_HARMLESS: Mapping[str, tuple[str, ...] | None] = {
    # The service's own time-outs find a dead connection sooner.
    "keepalives": None,
    "keepalives_idle": None,
    "keepalives_interval": None,
    "keepalives_count": None,
    "tcp_user_timeout": None,
    "fallback_application_name": None,
    # What the driver does anyway, or may do.
    "channel_binding": ("prefer", "disable"),
    "client_encoding": ("auto", "utf8", "utf-8", "unicode"),
    "gssencmode": ("prefer", "disable"),
    "load_balance_hosts": ("disable",),
    "replication": ("false", "off", "no", "0"),
    "sslcertmode": ("allow",),
    "sslcompression": ("0",),
    "sslsni": None,
}
"""Parameters that are left out where they have one of these values (None: any value)."""

_REFUSED = {
    "authtype",
    "gssdelegation",
    "hostaddr",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "servicefile",
    "sslcrldir",
    "sslkeylogfile",
    "tty",
}
"""Parameters of libpq that mean something which the driver cannot do."""


class UnusableUrl(ValueError):
    """A parameter of the URL cannot be used; the message names it, and no other part of the URL."""


@dataclass(frozen=True, slots=True)
class DriverUrl:
    """A URL that the driver understands, and what the caller has to do for its parameters."""

    url: str

    connect_timeout: float
    """Seconds that connecting may take; infinite where the URL does not say it."""

    application_name: str | None
    """The name in `pg_stat_activity`; None where the URL does not say it."""


def driver_url(url: str) -> DriverUrl:
    """Return the URL without the parameters that the driver does not know.

    Raises `UnusableUrl` for a parameter that cannot be used. All others that the driver does not
    know, such as `options` or `search_path`, are settings for the server.
    """
    try:
        query = urlsplit(url).query
    except ValueError:
        # the driver refuses it
        return DriverUrl(url, math.inf, None)
    kept, timeout, name = [], math.inf, None
    for part in query.split("&") if query else []:
        for key, value in _pair(part):
            if key == "connect_timeout":
                timeout = _seconds(value)
                continue
            if _is_left_out(key, value):
                continue
            name = value if key == "application_name" else name
            kept.append(part)
    if query:
        before, _, after = url.partition(f"?{query}")
        url = f"{before}{'?' * bool(kept)}{'&'.join(kept)}{after}"
    return DriverUrl(url, timeout, name)


def _pair(part: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(part, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        message = "needs parameters of the form name=value, with & between them, after the ?"
        raise UnusableUrl(message) from None


def _is_left_out(key: str, value: str) -> bool:
    """Return whether the driver need not see this parameter; raise where it cannot be used."""
    if key in _HARMLESS:
        allowed = _HARMLESS[key]
        if allowed is None or value.lower() in allowed:
            return True
        advice = _ADVICE.get(key, "leave it out")
        raise UnusableUrl(f"has {key}={value}, which the driver cannot do: {advice}")
    if key in _REFUSED:
        raise UnusableUrl(f"has {key}, which the driver does not know: leave it out")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise UnusableUrl(f"has {key}={value}; it can be {', '.join(_CHOICES[key])}")
    if key in _FILES and not Path(value).is_file():
        raise UnusableUrl(f"has {key}={value}, but there is no such file")
    return False


_ADVICE: Mapping[str, str] = {
    "channel_binding": (
        "use sslmode=verify-full with sslrootcert, which proves the server's identity as well"
    ),
    "gssencmode": "use sslmode=require",
    "client_encoding": "it always uses UTF8",
}


def _seconds(text: str) -> float:
    """Parse libpq's connect_timeout: whole seconds; 0, a negative number and nothing is no limit.

    As in libpq, 1 counts as 2.
    """
    try:
        seconds = int(text or "0")
    except ValueError:
        message = f"has connect_timeout={text}; it must be a whole number of seconds"
        raise UnusableUrl(message) from None
    return max(2, seconds) if seconds > 0 else math.inf
