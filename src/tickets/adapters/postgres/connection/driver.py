"""Opens connections: the one call of the driver, which applies the parameters of the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from tickets.settings.database_address import DatabaseAddress
from tickets.settings.database_url import driver_url


async def open_connection(
    url: str,
    *,
    timeout: float,  # noqa: ASYNC109 - the driver's own
    server_settings: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 - asyncpg
) -> asyncpg.Connection[asyncpg.Record]:
    """Connect as `asyncpg.connect` does, within `timeout` or the URL's connect_timeout.

    An application_name in the URL takes the place of "tickets" in the one that is given. Raises
    `UnusableUrl`, a `ValueError`.
    """
    settings = dict(server_settings or {})
    if isinstance(url, DatabaseAddress):
        if url.search_path is not None:
            settings["search_path"] = url.search_path
        if url.arguments is not None:
            pool_options = dict(url.options)
            theirs = pool_options.pop("server_settings", None) or {}
            return await asyncpg.connect(
                *url.arguments,
                **pool_options | options,
                timeout=timeout,
                server_settings={**theirs, **settings},
            )
    parsed = driver_url(url)
    if parsed.application_name is not None:
        own = settings.get("application_name", "").removeprefix("tickets")
        settings["application_name"] = parsed.application_name + own
    return await asyncpg.connect(
        parsed.url,
        timeout=min(timeout, parsed.connect_timeout),
        server_settings=settings,
        **options,
    )
