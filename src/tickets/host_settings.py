"""Settings of a host: keyword arguments instead of environment variables, a URL or a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from tickets.settings import parsers
from tickets.settings.database_address import DatabaseAddress
from tickets.settings.errors import SettingsError
from tickets.settings.settings import SETTINGS, Settings

FOREIGN = frozenset(("host", "port", "workers", "log_format", "log_level", "data_folder", "drain"))
"""Settings of the command line; in a host they would have no effect."""


def host_settings(
    database: str | asyncpg.Pool[Any] | None, schema: str | None, options: Mapping[str, object]
) -> Settings:
    """Return the settings of a host; raise `ValueError` for a wrong or unknown one."""
    values: dict[str, Any] = {}
    given = {**options, "schema": schema}
    if isinstance(database, str):
        given["database_url"] = database
    for name, value in given.items():
        if name not in SETTINGS or name in FOREIGN:
            message = f"{name} is not a setting of Support"
            raise ValueError(message)
        if value is None:
            continue
        text = ",".join(value) if isinstance(value, list) else parsers.as_text(value)
        try:
            values[name] = SETTINGS[name].parse(name, text)
        except SettingsError as error:
            raise ValueError(str(error)) from error
    settings = Settings(**values)
    if database is None:
        message = "Support needs a database: a URL, or a pool of asyncpg"
        raise ValueError(message)
    if not isinstance(database, str):
        address = _address_of_pool(database, schema)
        uncached = address.options.get("statement_cache_size", 1) == 0
        settings = replace(
            settings,
            database_url=address,
            database_statement_cache=0 if uncached else settings.database_statement_cache,
        )
    return settings


def _address_of_pool(pool: asyncpg.Pool[Any], schema: str | None) -> DatabaseAddress:
    """Return the address with the arguments that this pool connects with.

    Our connections are our own: codecs, record classes, session settings and set-up functions of
    the host do not apply to them, and ours do not apply to the host's.
    """
    try:
        # the driver has no other way
        arguments = tuple(pool._connect_args)  # noqa: SLF001
        options = dict(pool._connect_kwargs)  # noqa: SLF001
    except AttributeError as error:
        message = f"database must be a URL or a pool of asyncpg, not {type(pool).__name__}"
        raise ValueError(message) from error
    for name in ("connection_class", "record_class", "loop", "timeout"):
        options.pop(name, None)
    theirs = dict(options.get("server_settings") or {})
    for name in ("timezone", "TimeZone", "application_name", *(["search_path"] if schema else [])):
        theirs.pop(name, None)
    options["server_settings"] = theirs
    dsn = next((text for text in arguments if isinstance(text, str)), None) or options.get("dsn")
    place = "postgresql://the-pool-of-the-host"
    if isinstance(dsn, str):
        place = f"postgresql://{dsn.partition('://')[2].rpartition('@')[2]}"
    return DatabaseAddress(place, schema=schema, arguments=arguments, options=options)
