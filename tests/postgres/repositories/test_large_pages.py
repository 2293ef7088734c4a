"""Pages of long threads take turns, so that their readers do not take every connection."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.tickets import LARGE_PAGES
from tickets.domain.people import Side
from tickets.domain.read_models import DetailRequest


class Gate:
    """A database whose statements for a page of a long thread wait until the gate opens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.waiting, self.most = 0, 0
        self.full, self.open = asyncio.Event(), asyncio.Event()

    async def fetchrow(self, query: str, *args: object) -> Any:
        if query.startswith("-- get_ticket_with_thread"):
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            if self.waiting == LARGE_PAGES:
                self.full.set()
            await self.open.wait()
            self.waiting -= 1
        return await self._database.fetchrow(query, *args)


async def test_readers_of_long_threads_take_turns_and_others_do_not_wait(
    postgres_world: PostgresWorld,
) -> None:
    world = postgres_world
    long, short = await world.ticket(), await world.ticket()
    await world.reply(long.id, ADMIN, "A second message.")
    gate = Gate(world.database)
    vars(world.tickets)["_database"] = gate
    request = DetailRequest(Side.ADMIN, limit=1)

    readers = [
        asyncio.create_task(world.tickets.get_with_thread(long.id, request)) for _ in range(10)
    ]
    await gate.full.wait()
    other = await world.tickets.get_with_thread(short.id, request)
    gate.open.set()
    shown = await asyncio.gather(*readers)

    assert other.ticket.id == short.id
    assert {detail.ticket.id for detail in shown} == {long.id}
    assert gate.most == LARGE_PAGES
