"""Schema migrations: numbered SQL files, each applied once under a lock, with its checksum.

Migrations expand a live database: the platform's code and the previous release go on writing. A
file without steps is one transaction. One with steps can be interrupted at any point, and is
resumed by the next run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from tickets.adapters.postgres.connection.connect import CommandConnection
from tickets.adapters.postgres.schema.migration_files import (
    Migration,
    MigrationError,
    Step,
    load_migrations,
)
from tickets.adapters.postgres.schema.migration_lock import MigrationLock, migration_lock
from tickets.adapters.postgres.schema.migration_steps import StepRunner
from tickets.adapters.postgres.schema.migration_transactions import (
    Transactions,
    explained,
    retried,
)
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.settings.database_address import DatabaseAddress

__all__ = ["HalfDone", "Migration", "MigrationError", "Migrator", "load_migrations"]

logger = logging.getLogger("tickets")


@dataclass(frozen=True, slots=True)
class HalfDone:
    """A migration that was interrupted, or that another process is applying at this moment."""

    migration: Migration
    remaining: Sequence[Step]


class Migrator:
    """Applies migrations over one connection; several processes may run it at once."""

    def __init__(
        self, connection: CommandConnection, migrations: Sequence[Migration] | None = None
    ) -> None:
        """Work on this connection's database, by default with the migrations of this version."""
        self._connection = connection
        self._transactions = Transactions(connection)
        self._migrations = load_migrations() if migrations is None else migrations
        self._sql = load_queries("migrations")

    async def due(self) -> list[Migration]:
        """Return the migrations that are still to be applied; changes nothing.

        One that is half done is among them. Raises `MigrationError` where the database is newer
        than this version, or where a file is no longer the one that was applied or begun.
        """
        with explained("The record of migrations cannot be read"):
            if not await self._connection.fetchval(self._sql["migrations_exist"].sql):
                return list(self._migrations)
            applied = await self._connection.fetch(self._sql["applied_migrations"].sql)
        known = {migration.number: migration for migration in self._migrations}
        for row in applied:
            migration = known.pop(row["number"], None)
            title = f"{row['number']:04}_{row['name']}"
            if migration is None:
                message = (
                    f"The database is newer than this version of the service: it has migration "
                    f"{title}. Start the version that made it, or a later one."
                )
                raise MigrationError(message)
            if migration.checksum != row["checksum"]:
                message = (
                    f"Migration {title} is not the file that was applied to this database: "
                    f"a migration is never changed once it is out. Restore it, and add a new one."
                )
                raise MigrationError(message)
        due = list(known.values())
        for migration in due:
            await self._finished_steps(migration)
        return due

    async def half_done(self) -> HalfDone | None:
        """Return the migration that has begun and is not finished, if there is one.

        Raises `MigrationError` as `due` does.
        """
        for migration in await self.due():
            finished = await self._finished_steps(migration)
            if finished is not None:
                remaining = [step for step in migration.steps if step.name not in finished]
                return HalfDone(migration, remaining)
        return None

    async def is_unused(self) -> bool:
        """Return whether no migration was applied yet, so that no release has used the database.

        Raises `MigrationError` as `due` does.
        """
        return len(await self.due()) == len(self._migrations)

    async def check_can_begin(self) -> None:
        """Raise `MigrationError` where `apply` would certainly fail at once; changes nothing."""
        with explained("The database cannot be read"):
            row = await self._connection.fetchrow(self._sql["may_migrate"].sql)
        if row["read_only"]:
            reason = "is a standby" if row["in_recovery"] else "is read-only"
            raise MigrationError(f"The database {reason}, so it cannot be migrated.")
        if not row["may_create"]:
            raise MigrationError(
                f"The role {row['role']} may not create tables: grant it `create` on a schema of "
                f"its search_path."
            )

    async def would_take_over(self) -> bool:
        """Return whether the next `apply` takes over tickets that a platform has made."""
        with explained("The database cannot be read"):
            found: bool = await self._connection.fetchval(self._sql["platform_has_tickets"].sql)
        return found

    async def apply(self) -> list[Migration]:
        """Apply what is due; return what was applied here.

        Where several processes start at once, one of them applies the migrations while the others
        wait. Where other sessions hold a lock that a migration needs, it gives up after a short
        wait and tries again until they are done, so that nobody queues behind it for long. A
        database that is up to date is only read. Raises `MigrationError`; migrations and steps that
        were finished before the error stay finished.
        """
        if not await self.due():
            return []
        await self._create_schema()
        async with migration_lock(self._connection) as lock:
            # another process may have applied them until now
            with explained("Migrating failed"):
                due = await self.due()
                return [migration for migration in due if await self._apply(migration, lock)]

    async def _create_schema(self) -> None:
        """Create the schema of the database's address, unless it is there or may not be created."""
        url = getattr(self._connection, "url", "")
        if not isinstance(url, DatabaseAddress) or url.schema is None:
            return
        with explained(f"The schema {url.schema} cannot be created"):
            found = await self._connection.fetchval(
                *self._sql["schema_exists"].bind(name=url.schema)
            )
            if not found:
                # concurrent starts may create it at the same moment
                await self._connection.execute(f"create schema if not exists {url.search_path}")

    async def _apply(self, migration: Migration, lock: MigrationLock) -> bool:
        """Apply a migration; return False if a release before 0009 has done it meanwhile."""
        if migration.previous_release_may_serve is False:
            logger.warning("migration %s: the previous release must be stopped", migration.title)
        if not migration.steps:
            await lock.check()
            return await retried(lambda _conflicts: self._apply_at_once(migration))
        async with self._transactions.open():
            with explained(f"Migration {migration.title} failed and changed nothing"):
                await self._create_records()
        steps = StepRunner(migration, self._transactions, lock)
        finished = await self._finished_steps(migration) or set()
        for step in migration.steps:
            if step.name not in finished:
                await steps.run(step)
        await lock.check()
        async with self._transactions.open():
            with explained(f"Migration {migration.title} cannot be recorded"):
                await self._record(migration)
                await self._connection.execute(
                    *self._sql["forget_steps"].bind(migration=migration.number)
                )
        return True

    async def _apply_at_once(self, migration: Migration) -> bool:
        async with self._transactions.open():
            await self._connection.execute(self._sql["lock_migrations"].sql)
            if migration not in await self.due():
                return False
            with explained(f"Migration {migration.title} failed and changed nothing"):
                await self._transactions.limit_lock_waits(migration.script)
                await self._create_records()
                await self._connection.execute(migration.script)
                await self._record(migration)
        return True

    async def _create_records(self) -> None:
        # not `if not exists`, for which a role needs the right to create tables even if they exist
        if not await self._connection.fetchval(self._sql["migrations_exist"].sql):
            await self._connection.execute(self._sql["create_migrations"].sql)
        if not await self._connection.fetchval(self._sql["migration_steps_exist"].sql):
            await self._connection.execute(self._sql["create_migration_steps"].sql)

    async def _record(self, migration: Migration) -> None:
        await self._connection.execute(
            *self._sql["record_migration"].bind(
                number=migration.number,
                name=migration.name,
                checksum=migration.checksum,
            )
        )

    async def _finished_steps(self, migration: Migration) -> set[str] | None:
        """Return the names of the finished steps; None if the migration has not begun.

        Raises `MigrationError` if it was begun with another file.
        """
        with explained("The record of migrations cannot be read"):
            if not await self._connection.fetchval(self._sql["migration_steps_exist"].sql):
                return None
            recorded: Sequence[asyncpg.Record] = await self._connection.fetch(
                *self._sql["recorded_steps"].bind(migration=migration.number)
            )
        if not recorded:
            return None
        names = {step.name for step in migration.steps}
        for row in recorded:
            if row["step"] not in names:
                reason = f"it has no step {row['step']}, which was begun"
            elif row["checksum"] != migration.checksum:
                reason = "its text has changed"
            else:
                continue
            raise MigrationError(
                f"Migration {migration.title} is half done, but this file is not the one that was "
                f"begun: {reason}. Finish it with the version of the service that began it."
            )
        return {row["step"] for row in recorded if row["finished"]}
