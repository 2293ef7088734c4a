"""Opens connections: the one call of the driver, which applies the parameters of the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

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
    parsed = driver_url(url)
    settings = dict(server_settings or {})
    if parsed.application_name is not None:
        own = settings.get("application_name", "").removeprefix("tickets")
        settings["application_name"] = parsed.application_name + own
    return await asyncpg.connect(
        parsed.url,
        timeout=min(timeout, parsed.connect_timeout),
        server_settings=settings,
        **options,
    )
