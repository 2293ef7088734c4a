"""Databases for tests, cloned from templates: each test that writes gets one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor

import asyncpg

from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator

_numbers = itertools.count(1)


def in_database(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    server, _, options = url.partition("?")
    return f"{server.rpartition('/')[0]}/{name}{'?' if options else ''}{options}"


def with_setting(url: str, setting: str) -> str:
    """Return the URL with a setting of the session, `NAME=VALUE`, as one more parameter."""
    return f"{url}{'&' if '?' in url else '?'}{setting}"


async def create_database(server_url: str, template: str) -> str:
    """Clone the template; return the new database's name."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {template} strategy file_copy")
    await connection.close()
    return name


async def drop_database(server_url: str, name: str) -> None:
    """Drop the database, and close its connections."""
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@contextlib.asynccontextmanager
async def new_database(server_url: str, template: str) -> AsyncIterator[str]:
    """Clone the template for the block; return the new database's URL."""
    name = await create_database(server_url, template)
    yield in_database(server_url, name)
    await drop_database(server_url, name)


class MigratedDatabases:
    """Clones of a migrated, empty template. While a test uses one, the next is created."""

    def __init__(self, server_url: str, thread: ThreadPoolExecutor) -> None:
        """Create the template, and start to create the first database."""
        self._url = server_url
        self._thread = thread
        self.template = thread.submit(asyncio.run, self._migrated()).result()
        self._next = self._create()

    def take(self) -> str:
        """Return the name of a database. The caller drops it."""
        created, self._next = self._next, self._create()
        return created.result()

    async def drop_rest(self) -> None:
        """Drop the template and the database that is not in use."""
        await drop_database(self._url, self.template)
        await drop_database(self._url, self._next.result())

    def _create(self) -> Future[str]:
        return self._thread.submit(asyncio.run, create_database(self._url, self.template))

    async def _migrated(self) -> str:
        name = await create_database(self._url, "template0")
        async with connected(in_database(self._url, name)) as connection:
            await Migrator(connection).apply()
        return name
