"""The verifier: one place that verifies what is derived, and repairs what is safe to repair.

A repair takes no lock that anybody notices: the ticket counts are corrected by their difference,
tickets one by one under the lock of their own row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress

import asyncpg

from tickets.adapters.postgres.connection.connect import CommandConnection
from tickets.adapters.postgres.schema.migration_transactions import LOCK_CONFLICTS, Transactions
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification.findings import Finding, WrongThreads
from tickets.adapters.postgres.verification.orphans import find_orphans
from tickets.adapters.postgres.verification.rehearsal import failing_statements
from tickets.adapters.postgres.verification.replaced_functions import replaced_functions
from tickets.adapters.postgres.verification.write_rehearsal import refused_writes
from tickets.domain.ticket import MAX_ID

logger = logging.getLogger("tickets")

START_TIMEOUT_MS = 2000
"""Milliseconds for each of the two parts of a start that grow with the tickets: counting them, and
looking at a sample. A part that takes longer is left to the daily round."""

SAMPLE_NEWEST = 500
"""The newest tickets, which are verified at each start."""

SAMPLE_PLACES = 100
"""Random places among the ids, where a start verifies `SAMPLE_AT_EACH` tickets."""

SAMPLE_AT_EACH = 5

BATCH_SIZE = 500
"""Tickets that one statement verifies."""

QUERIES_OF_FINDINGS = {
    "sequences": "find_sequences_behind",
    "search path": "find_unpinned_functions",
    "triggers": "find_idle_triggers",
    "indexes": "find_missing_indexes",
    "constraints": "find_missing_constraints",
}
"""Checks whose query returns a sentence and, where it is safe, the statement that repairs it."""


class Verifier:
    """Verifies a migrated database over one connection, and repairs it where that is asked for."""

    def __init__(
        self, connection: CommandConnection, *, repair: bool, identity_query: str | None = None
    ) -> None:
        """Verify this connection's database; `identity_query` is tried like our own statements.

        Nothing is repaired in a database that is read-only.
        """
        self._connection = connection
        self._repair = repair
        self._read_only = False
        self._identity_query = identity_query
        self._transactions = Transactions(connection)
        self._sql = load_queries("verification")

    async def at_start(self) -> Sequence[Finding]:
        """Verify everything that takes the same time however many tickets there are, and a sample.

        A part that takes too long is left out. Where a finding prevents the start, that is all.
        Writes are rehearsed as long as this service has written none of the newest tickets: right
        after a take-over or an upgrade. Where a rule of the platform's refuses them, the service
        could not do its work. Later, ticket numbers should go on without a gap.
        """
        findings = await self.configuration()
        if (
            not any(finding.prevents_start for finding in findings)
            and not await self._has_written()
        ):
            findings = [*findings, *await self.writes(findings)]
        if any(finding.prevents_start for finding in findings):
            return findings
        counts = await self._left_out_if_slow(self.ticket_counts(timeout_ms=START_TIMEOUT_MS))
        sample = await self._left_out_if_slow(self._sample(timeout_ms=START_TIMEOUT_MS))
        return [*findings, *counts, *sample]

    async def in_full(self) -> Sequence[Finding]:
        """Verify everything, all tickets included, as far as the role may."""
        findings = await self.configuration()
        if any(finding.prevents_start for finding in findings):
            return [*findings, Finding("tickets", "not verified, as statements cannot run")]
        counts = [*await self.writes(findings), *await self.ticket_counts()]
        wrong = WrongThreads(repairable=not self._read_only)
        position: int | None = 0
        while position is not None:
            position = await self.batch(position, wrong)
        stuck = await self._found_by("deliveries", "find_stuck_deliveries")
        return [*findings, *counts, *wrong.findings(), *stuck]

    async def configuration(self) -> Sequence[Finding]:
        """Verify what does not depend on the tickets; rights and statements are tried."""
        async with self._transactions.open():
            state = await self._connection.fetchrow(self._sql["database_state"].sql)
        findings = []
        if state["read_only"]:
            self._repair, self._read_only = False, True
            reason = "is a standby" if state["in_recovery"] else "is read-only"
            findings.append(Finding("read-only", f"the database {reason}: nothing can be saved"))
        if state["replication_role"] == "replica":
            detail = f"session_replication_role is replica for {state['role']}: no trigger fires"
            findings.append(Finding("triggers", detail))
        findings += await failing_statements(self._transactions, self._identity_query)
        for check, query in QUERIES_OF_FINDINGS.items():
            findings += await self._found_by(check, query)
        findings += await replaced_functions(self._transactions)
        if self._repair:
            with suppress(asyncpg.PostgresError):
                async with self._transactions.open():
                    await self._connection.execute(self._sql["restore_round"].sql)
        return findings

    async def writes(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Rehearse the service's writes, without a trace but ids that are used up.

        Not where the findings explain why they would be refused.
        """
        explained = ("read-only", "sequences")
        if any(each.check in explained and not each.is_repaired for each in findings):
            return []
        return await refused_writes(self._transactions)

    async def ticket_counts(self, *, timeout_ms: int = 0) -> Sequence[Finding]:
        """Compare the admins' figures with a count of all tickets, as of one moment."""
        query = self._sql["repair_counts" if self._repair else "find_wrong_counts"]
        async with self._transactions.open():
            await self._limit(timeout_ms)
            await self._connection.execute(self._sql["lock_verification"].sql)
            await self._connection.execute(self._sql["lock_tickets_for_counting"].sql)
            rows = await self._connection.fetch(query.sql)
        if not rows:
            return []
        which = ", ".join(sorted(f"{row['status']} {row['category']}" for row in rows))
        detail = f"the ticket counts differ from the tickets: {which}"
        return [
            Finding(
                "ticket counts",
                detail,
                is_repaired=self._repair,
                is_repairable=not self._read_only,
            )
        ]

    async def batch(self, after: int, wrong: WrongThreads) -> int | None:
        """Verify the next tickets after this id, and what belongs to no ticket among them.

        Returns the last one, None at the end.
        """
        async with self._transactions.open():
            query = self._sql["next_tickets"].bind(after=after, size=BATCH_SIZE)
            ticket_ids: list[int] = await self._connection.fetchval(*query)
        await self._threads(ticket_ids, wrong)
        end = ticket_ids[-1] if len(ticket_ids) == BATCH_SIZE else None
        await find_orphans(self._transactions, after, end or MAX_ID, wrong, repair=self._repair)
        return end

    async def _has_written(self) -> bool:
        async with self._transactions.open():
            query = self._sql["has_written"].bind(newest=SAMPLE_NEWEST)
            has_written: bool = await self._connection.fetchval(*query)
        return has_written

    async def _left_out_if_slow(
        self, part: Coroutine[None, None, Sequence[Finding]]
    ) -> Sequence[Finding]:
        try:
            return await part
        except asyncpg.QueryCanceledError:
            logger.info("a part of the verification is left to the daily round: it takes long")
            return []

    async def _sample(self, *, timeout_ms: int) -> Sequence[Finding]:
        wrong = WrongThreads(repairable=not self._read_only)
        async with self._transactions.open():
            await self._limit(timeout_ms)
            query = self._sql["sample_of_tickets"].bind(
                newest=SAMPLE_NEWEST, places=SAMPLE_PLACES, at_each=SAMPLE_AT_EACH
            )
            ticket_ids = await self._connection.fetchval(*query)
        await self._threads(ticket_ids, wrong, timeout_ms=timeout_ms)
        return wrong.findings()

    async def _threads(
        self, ticket_ids: Sequence[int], wrong: WrongThreads, *, timeout_ms: int = 0
    ) -> None:
        async with self._transactions.open():
            await self._limit(timeout_ms)
            query = self._sql["find_wrong_threads"].bind(ticket_ids=ticket_ids)
            rows = await self._connection.fetch(*query)
        for row in rows:
            is_repaired = self._repair and await self._repair_thread(row["id"])
            wrong.add(row["id"], row["wrong"], is_repaired=is_repaired)

    async def _repair_thread(self, ticket_id: int) -> bool:
        """Repair a ticket if it is still wrong; return False if others hold its row for long."""
        try:
            async with self._transactions.open():
                await self._connection.execute(self._sql["limit_repair_waits"].sql)
                await self._connection.execute(*self._sql["lock_ticket"].bind(ticket_id=ticket_id))
                # each statement sees what was committed while the lock was waited for
                for name in ("mark_unnumbered_unread", "number_messages", "repair_threads"):
                    query = self._sql[name]
                    values = {"ticket_id": ticket_id, "ticket_ids": [ticket_id]}
                    await self._connection.execute(
                        *query.bind(**{key: values[key] for key in query.parameters})
                    )
        except (*LOCK_CONFLICTS, asyncpg.InsufficientPrivilegeError):
            return False
        return True

    async def _found_by(self, check: str, query: str) -> Sequence[Finding]:
        async with self._transactions.open():
            rows = await self._connection.fetch(self._sql[query].sql)
        findings = []
        for row in rows:
            detail, is_repaired = row["detail"], False
            if self._repair and row["repair"] is not None:
                try:
                    await self._run_repair(row["repair"])
                    is_repaired = True
                except asyncpg.PostgresError as error:
                    detail = f"{detail} (the repair failed: {error})"
            findings.append(
                Finding(
                    check,
                    detail,
                    is_repaired=is_repaired,
                    is_repairable=row["repair"] is not None and not self._read_only,
                )
            )
        return findings

    async def _run_repair(self, statement: str, attempts: int = 3) -> None:
        for attempt in range(attempts):
            try:
                async with self._transactions.open():
                    await self._connection.execute(self._sql["lock_verification"].sql)
                    await self._connection.execute(self._sql["limit_repair_waits"].sql)
                    await self._connection.execute(statement)
            except LOCK_CONFLICTS:
                if attempt == attempts - 1:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def _limit(self, timeout_ms: int) -> None:
        if timeout_ms:
            query = self._sql["limit_statements"].bind(milliseconds=str(timeout_ms))
            await self._connection.execute(*query)
