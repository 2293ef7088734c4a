"""The write side on PostgreSQL: one statement each, the version in the `where`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.idempotency import (
    DUPLICATE_REQUEST_ERRORS,
    raise_if_duplicate,
    stored_response_parameters,
)
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter, hit_parameters
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import NotAuthenticated, StaleTicket, TicketNotFound
from tickets.domain.message import Message
from tickets.domain.read_models import TicketDetail
from tickets.domain.ticket import MAX_ID, Category, Status, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext


class PostgresTickets:
    """The port `Tickets` on PostgreSQL."""

    def __init__(
        self,
        database: Database,
        rate_limiter: PostgresRateLimiter,
        unread_counts: UnreadCounts,
        ticket_cache: PostgresTicketCache,
    ) -> None:
        """Keep tickets in this database, whose schema is up to date.

        `rate_limiter` are told what was counted, `unread_counts` whose may have changed, `remembered` what was
        loaded and saved.
        """
        self._database = database
        self._unread_counts = unread_counts
        self._rate_limiter = rate_limiter
        self._ticket_cache = ticket_cache
        self._sql = load_queries("tickets")

    async def add(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Ticket:
        """Insert ticket, first message and receipt together, and count the use."""
        stored_response, hit = context.stored_response, context.hit
        query: str = "add_ticket"
        snapshot: tuple[object, ...] = ()
        if stored_response is not None or hit is None:
            query, snapshot = "add_ticket_in_general", stored_response_parameters(stored_response)
        message = ticket.new_message
        assert message is not None  # noqa: S101 - opening one writes the first
        try:
            row = await self._database.fetchrow(
                self._sql[query],
                ticket.user_id,
                ticket.category,
                ticket.other_category,
                ticket.subject,
                ticket.status,
                ticket.priority,
                ticket.user_unread,
                ticket.admin_unread,
                ticket.message_count,
                ticket.last_message,
                ticket.created_at,
                ticket.updated_at,
                *_written(message),
                *snapshot,
                *hit_parameters(hit),
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotAuthenticated from error
        except asyncpg.CheckViolationError as error:
            raise await self._rate_limiter.refusal(hit, error) from error
        except DUPLICATE_REQUEST_ERRORS as error:
            raise_if_duplicate(stored_response, error)
            raise
        assert row is not None  # noqa: S101 - an insert without a condition returns its row
        if hit is not None:
            self._rate_limiter.recorded(hit, row["ahead"])
        ticket.id, ticket.version, ticket.new_message = row["id"], row["version"], None
        return ticket

    async def get(self, ticket_id: int) -> Ticket:
        """Select the ticket's row alone."""
        generation = self._ticket_cache.generation
        return self._loaded(await self._row("get_ticket", ticket_id), generation)

    async def get_with_thread(self, ticket_id: int) -> TicketDetail:
        """Select the row and its messages in one statement, which is one snapshot."""
        generation = self._ticket_cache.generation
        return self._detail(await self._row("get_ticket_with_thread", ticket_id), generation)

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Update the row, insert message and receipt, and count the use, if the version is still the same."""
        stored_response, hit = context.stored_response, context.hit
        message, generation = ticket.new_message, self._ticket_cache.generation
        try:
            if message is None and stored_response is None and hit is None:
                row = await self._saved("save_state", ticket)
            else:
                row = await self._saved(
                    "save_ticket",
                    ticket,
                    *((None,) * 4 if message is None else _written(message)),
                    *stored_response_parameters(stored_response),
                    *hit_parameters(hit),
                )
        except asyncpg.CheckViolationError as error:
            raise await self._rate_limiter.refusal(hit, error) from error
        except DUPLICATE_REQUEST_ERRORS as error:
            raise_if_duplicate(stored_response, error)
            raise
        if hit is not None:
            self._rate_limiter.recorded(hit, row["ahead"])
        if row["is_as_sent"]:
            self._ticket_cache.put(ticket, ticket.version + 1, generation)
        return None if message is None else _stored(message, row["message_id"])

    async def save_with_thread(self, ticket: Ticket) -> TicketDetail:
        """Update the row and select the thread in one statement, if the version is still the same."""
        generation = self._ticket_cache.generation
        return self._detail(await self._saved("save_with_thread", ticket), generation)

    async def resolved_since(self, moment: datetime, *, limit: int) -> Sequence[int]:
        """Select from the partial index over resolved tickets."""
        rows = await self._database.fetch(self._sql["resolved_until"], moment, limit)
        return [row["id"] for row in rows]

    async def _saved(self, query: str, ticket: Ticket, *more: object) -> asyncpg.Record:
        """Run a statement that saves the ticket's state; return its row, or raise `StaleTicket`."""
        try:
            row = await self._database.fetchrow(
                self._sql[query],
                ticket.id,
                ticket.version,
                ticket.user_id,
                ticket.status,
                ticket.user_unread,
                ticket.admin_unread,
                ticket.message_count,
                ticket.last_message,
                ticket.updated_at,
                *more,
            )
        finally:
            # before anybody is told of it; whatever has failed may have been stored
            self._unread_counts.invalidate(ticket.user_id)
            self._ticket_cache.invalidate(ticket.id)
        if row is None:
            raise StaleTicket
        return row

    async def _row(self, query: str, ticket_id: int) -> asyncpg.Record:
        if not 0 < ticket_id <= MAX_ID:
            raise TicketNotFound
        row = await self._database.fetchrow(self._sql[query], ticket_id)
        if row is None:
            raise TicketNotFound
        return row

    def _detail(self, row: asyncpg.Record, generation: int) -> TicketDetail:
        messages = msgspec.json.decode(row["messages"], type=list[Message])
        return TicketDetail(self._loaded(row, generation), row["user_email"], messages)

    def _loaded(self, row: asyncpg.Record, generation: int) -> Ticket:
        ticket = _ticket(row)
        self._ticket_cache.put(ticket, ticket.version, generation)
        return ticket


def _written(message: Message) -> tuple[object, ...]:
    """Return the columns of a message that was added, as the statements take them."""
    return message.sender_type, message.sender_id, message.message, message.created_at


def _stored(message: Message, message_id: int) -> Message:
    return Message(
        message_id,
        message.ticket_id,
        message.sender_type,
        message.sender_id,
        message.message,
        message.created_at,
    )


def _ticket(row: asyncpg.Record) -> Ticket:
    return Ticket(
        id=row["id"],
        user_id=row["user_id"],
        category=Category(row["category"]),
        other_category=row["other_category"],
        subject=row["subject"],
        status=Status(row["status"]),
        priority=row["priority"],
        user_unread=row["user_unread"],
        admin_unread=row["admin_unread"],
        message_count=row["message_count"],
        last_message=row["last_message"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
