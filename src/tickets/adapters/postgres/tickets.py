"""The write side on PostgreSQL: one statement each, the version in the `where`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from tickets.adapters.postgres.badges import Badges
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.adapters.postgres.rates import PostgresRates, counted_as
from tickets.adapters.postgres.receipts import MEETINGS, kept_as, raise_for_twin
from tickets.adapters.postgres.remembered_tickets import RememberedTickets
from tickets.domain.errors import NotAuthenticated, StaleTicket, TicketNotFound
from tickets.domain.once import Receipt
from tickets.domain.rates import Use
from tickets.domain.ticket import LARGEST_ID, Category, Message, Status, Ticket
from tickets.domain.views import Conversation


class PostgresTickets:
    """The port `Tickets` on PostgreSQL."""

    def __init__(
        self,
        database: Database,
        rates: PostgresRates | None = None,
        badges: Badges | None = None,
        remembered: RememberedTickets | None = None,
    ) -> None:
        """Keep tickets in this database, whose schema is up to date.

        `rates` are told what was counted, `badges` whose may have changed, `remembered` what was
        loaded and saved.
        """
        self._database = database
        self._badges = badges or Badges(database)
        self._rates = rates or PostgresRates(database)
        self._remembered = remembered or RememberedTickets()
        self._sql = load_queries("tickets")

    async def add(
        self, ticket: Ticket, *, receipt: Receipt | None = None, use: Use | None = None
    ) -> Ticket:
        """Insert ticket, first message and receipt together, and count the use."""
        query: str = "add_ticket"
        kept: tuple[object, ...] = ()
        if receipt is not None or use is None:
            query, kept = "add_ticket_in_general", kept_as(receipt)
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
                *kept,
                *counted_as(use),
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotAuthenticated from error
        except asyncpg.CheckViolationError as error:
            raise await self._rates.refusal(use, error) from error
        except MEETINGS as error:
            raise_for_twin(receipt, error)
            raise
        assert row is not None  # noqa: S101 - an insert without a condition returns its row
        if use is not None:
            self._rates.counted(use, row["ahead"])
        ticket.id, ticket.version, ticket.new_message = row["id"], row["version"], None
        return ticket

    def remembered(self, ticket_id: int) -> Ticket | None:
        """Look at what this process last loaded or saved."""
        return self._remembered.get(ticket_id)

    async def get(self, ticket_id: int) -> Ticket:
        """Select the ticket's row alone."""
        since = self._remembered.since
        return self._loaded(await self._row("get_ticket", ticket_id), since)

    async def get_with_thread(self, ticket_id: int) -> Conversation:
        """Select the row and its messages in one statement, which is one snapshot."""
        since = self._remembered.since
        return self._conversation(await self._row("get_ticket_with_thread", ticket_id), since)

    async def save(
        self, ticket: Ticket, *, receipt: Receipt | None = None, use: Use | None = None
    ) -> Message | None:
        """Update the row, insert message and receipt, and count the use, if the version is still the same."""
        message, since = ticket.new_message, self._remembered.since
        try:
            if message is None and receipt is None and use is None:
                row = await self._saved("save_state", ticket)
            else:
                row = await self._saved(
                    "save_ticket",
                    ticket,
                    *((None,) * 4 if message is None else _written(message)),
                    *kept_as(receipt),
                    *counted_as(use),
                )
        except asyncpg.CheckViolationError as error:
            raise await self._rates.refusal(use, error) from error
        except MEETINGS as error:
            raise_for_twin(receipt, error)
            raise
        if use is not None:
            self._rates.counted(use, row["ahead"])
        if row["is_as_sent"]:
            self._remembered.put(ticket, ticket.version + 1, since)
        return None if message is None else _stored(message, row["message_id"])

    async def save_with_thread(self, ticket: Ticket) -> Conversation:
        """Update the row and select the thread in one statement, if the version is still the same."""
        since = self._remembered.since
        return self._conversation(await self._saved("save_with_thread", ticket), since)

    async def resolved_until(self, moment: datetime, *, limit: int) -> Sequence[int]:
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
            self._badges.forget(ticket.user_id)
            self._remembered.forget(ticket.id)
        if row is None:
            raise StaleTicket
        return row

    async def _row(self, query: str, ticket_id: int) -> asyncpg.Record:
        if not 0 < ticket_id <= LARGEST_ID:
            raise TicketNotFound
        row = await self._database.fetchrow(self._sql[query], ticket_id)
        if row is None:
            raise TicketNotFound
        return row

    def _conversation(self, row: asyncpg.Record, since: int) -> Conversation:
        messages = msgspec.json.decode(row["messages"], type=list[Message])
        return Conversation(self._loaded(row, since), row["user_email"], messages)

    def _loaded(self, row: asyncpg.Record, since: int) -> Ticket:
        ticket = _ticket(row)
        self._remembered.put(ticket, ticket.version, since)
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
