"""The listener's heartbeat: a notification that travels the way that changes travel."""

from __future__ import annotations

import asyncio
import secrets

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries

RESPONSE_TIMEOUT = 5.0
"""Seconds that the server may take to respond before a connection counts as lost."""


class Heartbeat:
    """Sends notifications through the connection pool to a channel of this process alone.

    They are numbered: a late one, which proves less than the last one, does not count.
    """

    def __init__(self, database: Database) -> None:
        """Send through the pool of this database."""
        self.channel = f"tickets_heartbeat_{secrets.token_hex(8)}"
        self.returned = asyncio.Event()
        """Set once the last notification is back."""
        self._database = database
        self._query = load_queries("listener")["heartbeat"]
        self._number = 0

    async def send(self) -> None:
        """Send the next notification; return when it is committed.

        Raises `TimeoutError` where that takes too long, and as `Database.fetchval` does.
        """
        self._number += 1
        self.returned.clear()
        query = self._query.bind(channel=self.channel, number=str(self._number))
        # ahead of the requests that wait: caches that are off make their queue longer
        sending = asyncio.create_task(self._database.fetchval_urgently(*query))
        sending.add_done_callback(_retrieve_exception)
        try:
            await asyncio.wait([sending], timeout=RESPONSE_TIMEOUT)
            if not sending.done():
                raise TimeoutError("the pool did not send a heartbeat in time")
        finally:
            # not awaited: the pool may need long to close a connection that is dead
            sending.cancel()
        sending.result()

    def on_notification(
        self, _connection: object, _pid: int, _channel: str, number: object
    ) -> None:
        """Receive a notification of the channel."""
        if number == str(self._number):
            self.returned.set()


def _retrieve_exception(task: asyncio.Task[object]) -> None:
    """Keep asyncio from logging the exception of a task that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
