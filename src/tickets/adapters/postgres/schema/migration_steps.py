"""Runs the steps of a migration, each recorded so that a second run resumes after it.

A kill at any point leaves the steps that are finished, the batches that are committed, and at most
one invalid index, which the next run builds again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

import asyncpg

from tickets.adapters.postgres.schema.migration_files import (
    Kind,
    Migration,
    MigrationError,
    Step,
)
from tickets.adapters.postgres.schema.migration_lock import MigrationLock
from tickets.adapters.postgres.schema.migration_transactions import (
    LOCK_RETRY_DELAY,
    Transactions,
    explained,
    retried,
)
from tickets.adapters.postgres.sql_loader import load_queries

logger = logging.getLogger("tickets")

BATCH_SIZE = 500
"""Rows of one batch: few enough that nobody waits long for one of them."""


REPORTED_SECONDS = 2.0
"""A step that takes longer is logged when it is finished, for whoever waits for the start."""


@dataclass(frozen=True, slots=True)
class _Record:
    """The row of a step, locked by the transaction that reads it."""

    position: int
    finished: bool


class StepRunner:
    """Runs the steps of one migration while the migration lock is held."""

    def __init__(
        self, migration: Migration, transactions: Transactions, lock: MigrationLock
    ) -> None:
        """Run the steps of this migration over these transactions."""
        self._migration = migration
        self._transactions = transactions
        self._connection = transactions.connection
        self._lock = lock
        self._sql = load_queries("migrations")

    async def run(self, step: Step) -> None:
        """Run one step until it is recorded as finished. Raises `MigrationError`."""
        run = {
            Kind.TRANSACTION: self._in_transaction,
            Kind.CONCURRENTLY: self._concurrently,
            Kind.IN_BATCHES: self._in_batches,
        }[step.kind]
        started = time.monotonic()
        with explained(f"Migration {self._migration.title} failed in step {step.name}"):
            await run(step)
        seconds = time.monotonic() - started
        if seconds >= REPORTED_SECONDS:
            logger.info(
                "migration %s: step %s took %.0f s", self._migration.title, step.name, seconds
            )

    async def _in_transaction(self, step: Step) -> None:
        async def attempt(conflicts: int) -> None:
            async with self._transactions.open():
                # a function may hide the names of the tables that it locks
                tables = self._migration.script if conflicts else step.sql
                await self._transactions.limit_lock_waits(tables)
                if not (await self._begin(step)).finished:
                    await self._connection.execute(step.sql)
                    await self._record("finish_step", step)

        await self._lock.check()
        await retried(attempt)

    async def _in_batches(self, step: Step) -> None:
        async def attempt(conflicts: int) -> bool:
            """Run one batch; return whether it was the last."""
            async with self._transactions.open():
                # most batches lock rows only, for which no vacuum has to give way
                tables = self._migration.script if conflicts else ""
                await self._transactions.limit_lock_waits(tables)
                record = await self._begin(step)
                if record.finished:
                    return True
                after = record.position
                rows = await self._connection.fetch(*step.batch.bind(after=after, size=BATCH_SIZE))
                if len(rows) != 1 or len(rows[0]) != 1:
                    raise MigrationError(
                        f"Step {step.name} of {self._migration.title} must return one row with "
                        f"one column: the next :after, or null."
                    )
                position = rows[0][0]
                if position is None:
                    await self._record("finish_step", step)
                    return True
                if position <= after:
                    raise MigrationError(
                        f"Step {step.name} of {self._migration.title} does not advance: it "
                        f"returned {position} after {after}."
                    )
                await self._record("advance_step", step, position=position)
                return False

        finished = False
        while not finished:
            await self._lock.check()
            finished = await retried(attempt)

    async def _concurrently(self, step: Step) -> None:
        await self._lock.check()
        if (
            step.index is not None
            and not await self._has_begun(step)
            and await self._index_state(step.index) != "absent"
        ):
            # a second run may rebuild an index of this name, so it must be the migration's own
            raise MigrationError(
                f"Step {step.name} of {self._migration.title} creates the index {step.index}, "
                f"but there is one of this name already. Drop or rename it."
            )
        async with self._transactions.open():
            if (await self._begin(step)).finished:
                return
        async with self._transactions.session_without_timeouts():
            if step.index is None:
                await retried(lambda _conflicts: self._connection.execute(step.sql))
            else:
                await self._build_index(step.index, step.sql)
        async with self._transactions.open():
            await self._record("finish_step", step)

    async def _build_index(self, index: str, create: str) -> None:
        """Create the index, wait for who is creating it, or replace what an interruption left."""

        async def attempt(_conflicts: int) -> bool:
            """Do what is next; return whether the index is there and valid."""
            state = await self._index_state(index)
            if state == "building":
                # the server has not yet noticed that an interrupted run is gone
                await asyncio.sleep(LOCK_RETRY_DELAY)
            elif state == "invalid":
                drop = await self._connection.fetchval(*self._sql["drop_index"].bind(name=index))
                await self._connection.execute(drop)
            elif state == "absent":
                try:
                    await self._connection.execute(create)
                except asyncpg.DuplicateTableError:
                    # an interrupted run was about to create it, and did
                    await asyncio.sleep(LOCK_RETRY_DELAY)
            return state == "valid"

        while not await retried(attempt):
            pass

    async def _begin(self, step: Step) -> _Record:
        await self._connection.execute(
            *self._sql["start_step"].bind(
                migration=self._migration.number,
                step=step.name,
                checksum=self._migration.checksum,
            )
        )
        row = await self._connection.fetchrow(
            *self._sql["lock_step"].bind(migration=self._migration.number, step=step.name)
        )
        assert row is not None  # noqa: S101 - it has just been inserted
        return _Record(row["position"] or 0, row["finished"])

    async def _record(self, query: str, step: Step, **values: object) -> None:
        await self._connection.execute(
            *self._sql[query].bind(migration=self._migration.number, step=step.name, **values)
        )

    async def _has_begun(self, step: Step) -> bool:
        begun: bool = await self._connection.fetchval(
            *self._sql["step_is_known"].bind(migration=self._migration.number, step=step.name)
        )
        return begun

    async def _index_state(self, index: str) -> str:
        state: str = await self._connection.fetchval(*self._sql["index_state"].bind(name=index))
        return state
