"""The daily round: one process verifies all tickets, in batches with pauses, under a lease.

The database says when a round is due, who works on it and how far it is. So a restart does not
begin another one, and a process that is gone is followed by another where it stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from tickets.adapters.postgres.connection.connect import CannotConnect, CommandConnection
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.errors import domain_error, is_missing_table
from tickets.adapters.postgres.schema.migrations import load_migrations
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification.findings import Finding, WrongThreads
from tickets.adapters.postgres.verification.verifier import Verifier
from tickets.domain.errors import StoreReadOnly, StoreUnavailable

logger = logging.getLogger("tickets")

EVERY = timedelta(days=1)
"""From the start of one round to the start of the next."""

LEASE = timedelta(minutes=5)
"""How long a round belongs to a process that does not report another batch."""

PAUSE = 0.1
"""Seconds between two batches, in which the database has nothing to do for this."""


class DailyRound:
    """Verifies and repairs everything once a day, whatever the number of processes."""

    def __init__(
        self,
        database: Database,
        connect: Callable[[], AbstractAsyncContextManager[CommandConnection]],
        *,
        pause: float = PAUSE,
    ) -> None:
        """Claim rounds through `database`; verify over a connection that `connect` opens."""
        self._database = database
        self._connect = connect
        self._pause = pause
        self._sql = load_queries("verification")
        self._highest = max(migration.number for migration in load_migrations())

    async def run_if_due(self) -> int:
        """Run the round if it is due and nobody else does; return the number of repairs.

        Raises `StoreUnavailable`.
        """
        query = self._sql["claim_round"].bind(lease=LEASE, every=EVERY, highest=self._highest)
        try:
            position = await self._database.fetchval(*query)
        except StoreUnavailable as error:
            if isinstance(error, StoreReadOnly) or is_missing_table(error):
                return 0  # nothing could be repaired, nor recorded
            raise
        if position is None:
            return 0
        try:
            async with self._connect() as connection:
                return await self._run(connection, position)
        except CannotConnect as error:
            # another process, or this one, goes on when the lease has ended
            raise StoreUnavailable from error
        except Exception as error:
            if (reason := domain_error(error)) is None:
                raise
            raise reason from error

    async def _run(self, connection: CommandConnection, position: int) -> int:
        verifier = Verifier(connection, repair=True)
        repaired = 0
        if position == 0:
            findings = list(await verifier.configuration())
            can_run = not any(finding.prevents_start for finding in findings)
            if can_run:
                findings += [*await verifier.writes(findings), *await verifier.ticket_counts()]
            _log(findings)
            repaired = sum(finding.is_repaired for finding in findings)
            if not await self._advance(0, 0, found=len(findings), repaired=repaired):
                return repaired
            if not can_run:
                await self._finish(0)
                return repaired
        while True:
            wrong = WrongThreads()
            end = await verifier.batch(position, wrong)
            _log(wrong.findings())
            repaired += wrong.repaired
            before, position = position, end or position
            if not await self._advance(
                before, position, found=wrong.tickets, repaired=wrong.repaired
            ):
                # another process has taken the round over
                return repaired
            if end is None:
                await self._finish(position)
                return repaired
            await asyncio.sleep(self._pause)

    async def _finish(self, position: int) -> None:
        await self._database.fetch(*self._sql["finish_round"].bind(before=position))

    async def _advance(self, before: int, position: int, *, found: int, repaired: int) -> bool:
        query = self._sql["advance_round"].bind(
            before=before,
            position=position,
            lease=LEASE,
            found=found,
            remaining=found - repaired,
        )
        return await self._database.fetchval(*query) is not None


def _log(findings: Sequence[Finding]) -> None:
    for finding in findings:
        logger.warning("verification: %s", finding)
