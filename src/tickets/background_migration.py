"""Background migration: a host starts at once, and its database is migrated when it can be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tickets.adapters.postgres.connection.connect import CannotConnect, connected
from tickets.adapters.postgres.schema.migrations import MigrationError, Migrator
from tickets.background import background_task
from tickets.bootstrap import address_of
from tickets.settings.settings import Settings

logger = logging.getLogger("tickets")

WAIT = 10.0
"""Seconds that a start waits for the migration, which goes on in the background after that."""

RETRY_DELAY = 5.0
"""Seconds until the next attempt to migrate a database that is away."""


@asynccontextmanager
async def migrating(settings: Settings) -> AsyncIterator[None]:
    """Migrate while the block runs, until that is done; wait for it a short time at first."""
    done = asyncio.Event()
    async with background_task(_migrate_until_done(settings, done)):
        try:
            async with asyncio.timeout(WAIT):
                await done.wait()
        except TimeoutError:
            logger.warning("the database is not migrated yet; this goes on in the background")
        yield


async def _migrate_until_done(settings: Settings, done: asyncio.Event) -> None:
    while not done.is_set():
        try:
            async with connected(address_of(settings)) as connection:
                await Migrator(connection).apply()
            done.set()
        except (CannotConnect, MigrationError) as error:
            logger.warning("the database cannot be migrated yet: %s", error)
            await asyncio.sleep(RETRY_DELAY)
