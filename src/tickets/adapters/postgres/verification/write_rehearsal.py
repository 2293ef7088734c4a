"""Rehearses the service's writes in a transaction that is rolled back.

`explain` does not run triggers, checks and sequences. So a ticket is opened, triaged, answered and
closed here by the statements of the service itself, and nobody sees it. Its ids are used up, but
for those of a table without tickets: the first ticket of a new desk is number 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

import asyncpg

from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.repositories.notes import PostgresNotes
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter
from tickets.adapters.postgres.repositories.saved_replies import PostgresSavedReplies
from tickets.adapters.postgres.repositories.tickets import PostgresTickets
from tickets.adapters.postgres.schema.migration_transactions import LOCK_CONFLICTS, Transactions
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification.findings import Finding
from tickets.domain.errors import SavedRepliesFull, TicketsError
from tickets.domain.note import Note
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.saved_reply import SavedReply
from tickets.domain.ticket import Priority, Status, Ticket

if TYPE_CHECKING:
    from tickets.adapters.postgres.connection.database import Database

TEXT = "This ticket exists only while the database is verified."

TEAM = Actor.team()


class _RolledBackError(Exception):
    """Ends the transaction of a rehearsal that went well."""


async def refused_writes(transactions: Transactions) -> Sequence[Finding]:
    """Return a finding for the first write that the database refuses, or does not count.

    Without a user there is nobody whose ticket it could be, and nothing is rehearsed.
    """
    connection = transactions.connection
    sql = load_queries("verification")
    findings: list[Finding] = []
    rehearsal: _Rehearsal | None = None
    positions = await _id_positions(transactions)
    try:
        async with transactions.open():
            await connection.execute(sql["limit_repair_waits"].sql)
            someone = await connection.fetchrow(sql["any_user"].sql)
            if someone is None:
                return []
            colleague = await connection.fetchrow(sql["any_admin"].sql)
            rehearsal = _Rehearsal(
                cast("Database", connection),
                user=Actor.user(someone["id"]),
                admin=None if colleague is None else NamedAdmin(**colleague),
                at=someone["now"],
            )
            await rehearsal.open()
            if not await connection.fetchval(sql["has_counted"].sql):
                findings.append(Finding("writes", "a new ticket is not in the ticket counts"))
            await rehearsal.triage()
            await rehearsal.converse()
            await rehearsal.save_replies()
            raise _RolledBackError  # noqa: TRY301 - nothing else rolls back
    except (_RolledBackError, *LOCK_CONFLICTS):
        # a user's row that others hold is no finding
        pass
    except (asyncpg.PostgresError, TicketsError) as error:
        doing = "writing" if rehearsal is None else rehearsal.doing
        detail = f"{doing} is refused: {error.__cause__ or error}"
        findings.append(Finding("writes", detail, prevents_start=True))
    await _give_back_ids(transactions, positions)
    return findings


async def _id_positions(transactions: Transactions) -> Sequence[asyncpg.Record]:
    """Return where the sequences stand if there are no tickets, and the role may know."""
    try:
        return cast(
            "Sequence[asyncpg.Record]",
            await transactions.connection.fetch(load_queries("verification")["id_positions"].sql),
        )
    except asyncpg.InsufficientPrivilegeError:
        return []


async def _give_back_ids(transactions: Transactions, positions: Sequence[asyncpg.Record]) -> None:
    """Put the sequences back; a role that may not, or others' locks, leave the ids used up."""
    if not positions:
        return
    sql = load_queries("verification")
    try:
        async with transactions.open():
            await transactions.connection.execute(sql["limit_repair_waits"].sql)
            await transactions.connection.execute(sql["lock_tickets_for_ids"].sql)
            for position in positions:
                await transactions.connection.fetch(*sql["give_back_ids"].bind(**position))
    except (asyncpg.InsufficientPrivilegeError, *LOCK_CONFLICTS):
        pass


class _Rehearsal:
    """One ticket's life, each change of it as the service makes it; `doing` names the present."""

    def __init__(
        self, database: Database, *, user: Actor, admin: NamedAdmin | None, at: datetime
    ) -> None:
        """Write as this user and as this admin, as the shared token where there is none."""
        self.doing = "writing"
        self._tickets = PostgresTickets(
            database,
            PostgresRateLimiter(database),
            UnreadCounts(database, None),
            PostgresTicketCache(None),
        )
        self._notes = PostgresNotes(database)
        self._saved_replies = PostgresSavedReplies(database)
        self._user = user
        self._admin = admin
        self._by = TEAM if admin is None else Actor.named(admin)
        self._at = at

    async def open(self) -> None:
        """Open the ticket, and another one as an admin on behalf of the user."""
        self.doing = "opening a ticket"
        fields = {"category": "support", "other_category": None, "subject": TEXT, "message": TEXT}
        new = Ticket.open(by=self._user, **fields, at=self._at)  # type: ignore[arg-type] # texts
        self._id = (await self._tickets.add(new)).id
        self.doing = "opening a ticket on behalf of a user"
        user_id = new.user_id
        await self._tickets.add(
            Ticket.open_on_behalf(
                by=TEAM,  # a named admin would be assigned
                user_id=user_id,
                email=None,
                found=[user_id],
                **fields,  # type: ignore[arg-type] # texts
                at=self._at,
            )
        )

    async def triage(self) -> None:
        """Change what admins change beside the thread, and write a note."""
        self.doing = "a note"
        await self._notes.add(self._id, Note.written(TEXT, by=self._by, at=self._at))
        if self._admin is not None:
            self.doing = "assigning"
            ticket = await self._loaded()
            ticket.assign(self._admin.id, found=self._admin, by=self._by, at=self._at)
            await self._tickets.save(ticket)
        for priority in (*(each for each in Priority if each is not Priority.NORMAL), "normal"):
            self.doing = f"the priority {priority}"
            ticket = await self._loaded()
            ticket.set_priority(Priority(priority), by=self._by, at=self._at)
            await self._tickets.save(ticket)
        self.doing = "marking a ticket as handled"
        ticket = await self._loaded()
        ticket.mark_handled(ticket.message_count, by=self._by, at=self._at)
        await self._tickets.save(ticket)

    async def converse(self) -> None:
        """Reply as both sides, pass through each status, and reopen by a reply."""
        self.doing = "replying"
        await self._reply(self._by)
        for status in (Status.IN_PROGRESS, Status.RESOLVED):
            await self._change_status(status)
        self.doing = "a user's reply"
        await self._reply(self._user)
        self.doing = "a reply with a status"
        await self._reply(self._by, Status.RESOLVED)
        await self._change_status(Status.CLOSED)

    async def save_replies(self) -> None:
        """Store a saved reply, change it and delete it; not where there are as many as may be."""
        self.doing = "a saved reply"
        new = SavedReply.written(TEXT, TEXT, by=self._by, at=self._at)
        try:
            stored = await self._saved_replies.add(new)
        except SavedRepliesFull:
            return
        self.doing = "changing a saved reply"
        await self._saved_replies.change(replace(stored, text=f"{TEXT} "))
        self.doing = "deleting a saved reply"
        await self._saved_replies.delete(stored.id)

    async def _loaded(self) -> Ticket:
        return await self._tickets.get(self._id)

    async def _reply(self, by: Actor, status: Status | None = None) -> None:
        ticket = await self._loaded()
        ticket.reply(TEXT, by=by, at=self._at, status=status)
        await self._tickets.save(ticket)

    async def _change_status(self, status: Status) -> None:
        self.doing = f"the status {status}"
        ticket = await self._loaded()
        ticket.change_status(status, by=self._by, at=self._at)
        await self._tickets.save(ticket)
