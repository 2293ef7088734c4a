"""A role with the rights that a service needs, to take some of them away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True)
class Role:
    """A role, the URL of connections that act as it, and a connection of the owner."""

    name: str
    url: str
    owner: Connection


@asynccontextmanager
async def a_role(url: str) -> AsyncIterator[Role]:
    """Create a role that may read and write all rows of this database; drop it afterwards."""
    owner = await asyncpg.connect(url)
    name = f"service_of_{await owner.fetchval('select current_database()')}"
    await owner.execute(f"create role {name}")
    try:
        await owner.execute(
            f"grant select, insert, update, delete on all tables in schema public to {name};"
            f"grant usage, select, update on all sequences in schema public to {name}"
        )
        yield Role(name, f"{url}{'&' if '?' in url else '?'}role={name}", owner)
    finally:
        await owner.execute(f"drop owned by {name}; drop role {name}")
        await owner.close()
