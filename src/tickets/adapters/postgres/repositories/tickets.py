"""The repository of tickets on PostgreSQL: optimistic locking, one statement per call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.idempotency import (
    REFUSED_WRITE_ERRORS,
    raise_refusal,
    response_values,
)
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter, hit_values
from tickets.adapters.postgres.repositories.ticket_events import event_values
from tickets.adapters.postgres.repositories.ticket_rows import (
    follow_ups_of,
    message_values,
    page_of,
    page_values,
    state_values,
    ticket_of,
    with_id,
)
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import (
    StaleTicket,
    TicketNotFound,
    WriteRefused,
)
from tickets.domain.history import HistoryPage
from tickets.domain.message import Message
from tickets.domain.read_models import (
    DetailRequest,
    ThreadPage,
    TicketDetail,
    UserPosition,
)
from tickets.domain.ticket import MAX_ID, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext

_EARLIEST = UserPosition(datetime.min.replace(tzinfo=UTC), 0)
"""Before every ticket, so that one query serves all pages."""


class PostgresTickets:
    """The port `Tickets` on PostgreSQL.

    Notifies its collaborators: the rate limiter of a recorded hit, the caches of an unread count
    and a ticket that are no longer valid.
    """

    def __init__(
        self,
        database: Database,
        rate_limiter: PostgresRateLimiter,
        unread_counts: UnreadCounts,
        ticket_cache: PostgresTicketCache,
    ) -> None:
        """Store tickets in this database, whose schema is up to date."""
        self._database = database
        self._rate_limiter = rate_limiter
        self._unread_counts = unread_counts
        self._ticket_cache = ticket_cache
        self._sql = load_queries("tickets")
        self._delivers = False
        """Whether a channel was on at the last write that depended on it."""

    async def add(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Ticket:
        """Insert ticket, first message, events and stored response, and record the hit."""
        response, hit = context.stored_response, context.hit
        values = {
            "category": ticket.category,
            "other_category": ticket.other_category,
            "subject": ticket.subject,
            "created_at": ticket.created_at,
            "follows": ticket.follows,
            "opened_by": ticket.opened_by,
            **state_values(ticket),
            **message_values(ticket),
            **event_values(ticket.new_events),
            **hit_values(hit),
        }
        with_response = values | response_values(response)
        if response is None and hit is not None:
            short = self._sql["add_ticket"].bind(**values)
        else:
            short = self._sql["add_ticket_with_context"].bind(**with_response)
        try:
            row = await self._write(short, "add_ticket_and_deliver", with_response)
        except asyncpg.ForeignKeyViolationError as error:
            if error.table_name == "tickets" and "(user_id)" in (error.detail or "(user_id)"):
                # the user has been deleted
                raise ticket.missing_user from error
            raise WriteRefused from error
        except REFUSED_WRITE_ERRORS as error:
            await self._raise_reason(error, context)
            raise
        assert row is not None  # noqa: S101 - the longer statement has no condition
        if hit is not None:
            self._rate_limiter.recorded(hit, row["arrival_in"])
        ticket.id, ticket.version = row["id"], row["version"]
        ticket.new_message, ticket.new_events = None, ()
        return ticket

    async def get(self, ticket_id: int) -> Ticket:
        """Select the ticket's row alone."""
        generation = self._ticket_cache.generation
        return self._loaded(await self._row("get_ticket", ticket_id), generation)

    async def get_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
        """Select the row and the pages in one statement, which is one snapshot.

        A thread that turns out to be longer than a page is selected by another statement.
        """
        generation = self._ticket_cache.generation
        values = page_values(request)
        if request.before is None:
            row = await self._row("get_ticket_with_whole_thread", ticket_id, **values)
            if row["messages"] is not None:
                page = ThreadPage(b"[%b]" % row["messages"], previous=None)
                return self._detail(row, page, generation)
        values["before"] = MAX_ID if request.before is None else request.before
        row = await self._row("get_ticket_with_thread", ticket_id, **values)
        return self._detail(row, page_of(row), generation)

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Update the row; insert message, events and stored response; record the hit."""
        response, hit = context.stored_response, context.hit
        message, generation = ticket.new_message, self._ticket_cache.generation
        if message is None and response is None and hit is None and not ticket.new_events:
            row = await self._save("save_state", ticket, {})
        else:
            values = {
                **message_values(ticket),
                **event_values(ticket.new_events),
                **response_values(response),
                **hit_values(hit),
            }
            row = await self._save("save_ticket", ticket, values, context)
        if hit is not None:
            self._rate_limiter.recorded(hit, row["arrival_in"])
        if row["is_as_sent"]:
            self._ticket_cache.put(ticket, ticket.version + 1, generation)
        return None if message is None else with_id(message, row["message_id"])

    async def save_with_thread(
        self, ticket: Ticket, request: DetailRequest, *, shown_after: int
    ) -> TicketDetail:
        """Update the row and select the pages in one statement, if not stale."""
        generation = self._ticket_cache.generation
        values = {"shown_after": shown_after, "before": MAX_ID, **page_values(request)}
        row = await self._save("save_with_thread", ticket, values)
        return self._detail(row, page_of(row), generation)

    async def resolved_since(
        self, moment: datetime, *, after: UserPosition | None, limit: int
    ) -> Sequence[UserPosition]:
        """Select from the partial index over resolved tickets."""
        start = after or _EARLIEST
        query = self._sql["resolved_since"].bind(
            moment=moment, after_updated_at=start.updated_at, after_id=start.id, limit=limit
        )
        rows = await self._database.fetch(*query)
        return [UserPosition(row["updated_at"], row["id"]) for row in rows]

    async def taken_over_at(self) -> datetime | None:
        """Select it from the record of migrations."""
        moment: datetime | None = await self._database.fetchval(*self._sql["taken_over_at"].bind())
        return moment

    async def _save(
        self,
        query: str,
        ticket: Ticket,
        values: Mapping[str, object],
        context: WriteContext = NO_CONTEXT,
    ) -> asyncpg.Record:
        """Run a statement that saves the ticket; return its row, or raise `StaleTicket`."""
        values = {
            "ticket_id": ticket.id,
            "version": ticket.version,
            "assigns": ticket.assigns,
            "first_replied_at": ticket.first_replied_at,
            "resolved_at": ticket.resolved_at,
            **state_values(ticket),
            **values,
        }
        statement = self._sql[query].bind(**values)
        try:
            if query == "save_ticket":
                row = await self._write(statement, "save_ticket_and_deliver", values)
            else:
                row = await self._database.fetchrow(*statement)
        except REFUSED_WRITE_ERRORS as error:
            await self._raise_reason(error, context)
            raise
        finally:
            # before the response is sent, and after an error too: the statement may have committed
            self._unread_counts.invalidate(ticket.user_id)
            self._ticket_cache.invalidate(ticket.id)
        if row is None:
            raise StaleTicket
        return row

    async def _write(
        self, short: tuple[str, *tuple[object, ...]], query: str, values: Mapping[str, object]
    ) -> asyncpg.Record | None:
        """Run the statement that delivers nothing, and where a channel is on the other one.

        The short statement changes nothing where a channel is on, or the ticket is stale. The other
        one says whether a channel is on, so that the next write begins with the right one.
        """
        if not self._delivers:
            row = await self._database.fetchrow(*short)
            if row is not None:
                return row
        row = await self._database.fetchrow(*self._sql[query].bind(**values))
        self._delivers = row is not None and not row["nobody_listens"]
        return row

    async def _raise_reason(self, error: Exception, context: WriteContext) -> None:
        """Raise the domain's error for a constraint that a write has violated, if that was it."""
        if isinstance(error, asyncpg.CheckViolationError):
            refusal = await self._rate_limiter.refusal(context.hit, error)
            if refusal is not None:
                raise refusal from error
        raise_refusal(context.stored_response, error)

    async def _row(self, query: str, ticket_id: int, **values: object) -> asyncpg.Record:
        if not 0 < ticket_id <= MAX_ID:
            raise TicketNotFound
        statement = self._sql[query].bind(ticket_id=ticket_id, **values)
        row = await self._database.fetchrow(*statement)
        if row is None:
            raise TicketNotFound
        return row

    def _detail(self, row: asyncpg.Record, page: ThreadPage, generation: int) -> TicketDetail:
        history = HistoryPage(row["events"], row["events_before"])
        follow_ups = follow_ups_of(row["followed_by"])
        ticket = self._loaded(row, generation)
        return TicketDetail(ticket, row["user_email"], page, follow_ups, history)

    def _loaded(self, row: asyncpg.Record, generation: int) -> Ticket:
        ticket = ticket_of(row)
        self._ticket_cache.put(ticket, ticket.version, generation)
        return ticket
