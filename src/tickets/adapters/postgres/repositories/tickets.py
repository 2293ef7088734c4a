"""The repository of tickets on PostgreSQL: optimistic locking, one statement per call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.caching.unread_counts import UnreadCounts
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.idempotency import (
    raise_if_duplicate,
    response_values,
)
from tickets.adapters.postgres.repositories.rate_limits import PostgresRateLimiter, hit_values
from tickets.adapters.postgres.repositories.ticket_events import encode_events
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import (
    NotAuthenticated,
    StaleTicket,
    StoreUnavailable,
    TicketNotFound,
    WriteRefused,
)
from tickets.domain.history import MAX_PAGE_EVENTS, HistoryPage
from tickets.domain.message import Message
from tickets.domain.people import NamedAdmin, Side
from tickets.domain.read_models import (
    MAX_FOLLOW_UPS,
    MAX_PAGE_BYTES,
    DetailRequest,
    ThreadPage,
    TicketDetail,
    UserPosition,
)
from tickets.domain.ticket import MAX_ID, Category, Status, Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext

_REFUSALS = (asyncpg.IntegrityConstraintViolationError, StoreUnavailable)
"""Errors of a write whose reason may be a rate limit, a duplicate, or a rule of the platform."""

_EARLIEST = UserPosition(datetime.min.replace(tzinfo=UTC), 0)
"""Before every ticket, so that one query serves all pages."""

_AFTER_ALL_EVENTS = 2**63 - 1
"""Above the id of every event, for the same reason."""


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
            **_state_values(ticket),
            **_message_values(ticket.new_message),
            "events": encode_events(ticket.new_events),
            **hit_values(hit),
        }
        if response is None and hit is not None:
            statement = self._sql["add_ticket"].bind(**values)
        else:
            values |= response_values(response)
            statement = self._sql["add_ticket_with_context"].bind(**values)
        try:
            row = await self._database.fetchrow(*statement)
        except asyncpg.ForeignKeyViolationError as error:
            # the user has been deleted
            raise NotAuthenticated from error
        except _REFUSALS as error:
            await self._raise_reason(error, context)
            raise
        assert row is not None  # noqa: S101 - an insert without a condition returns its row
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
        values = _page_values(request)
        if request.before is None:
            row = await self._row("get_ticket_with_whole_thread", ticket_id, **values)
            if row["messages"] is not None:
                page = ThreadPage(b"[%b]" % row["messages"], previous=None)
                return self._detail(row, page, generation)
        values["before"] = MAX_ID if request.before is None else request.before
        row = await self._row("get_ticket_with_thread", ticket_id, **values)
        return self._detail(row, _page(row), generation)

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        """Update the row; insert message, events and stored response; record the hit."""
        response, hit = context.stored_response, context.hit
        message, generation = ticket.new_message, self._ticket_cache.generation
        if message is None and response is None and hit is None and not ticket.new_events:
            row = await self._save("save_state", ticket, {})
        else:
            values = {
                **_message_values(message),
                "events": encode_events(ticket.new_events),
                **response_values(response),
                **hit_values(hit),
            }
            row = await self._save("save_ticket", ticket, values, context)
        if hit is not None:
            self._rate_limiter.recorded(hit, row["arrival_in"])
        if row["is_as_sent"]:
            self._ticket_cache.put(ticket, ticket.version + 1, generation)
        return None if message is None else _with_id(message, row["message_id"])

    async def save_with_thread(
        self, ticket: Ticket, request: DetailRequest, *, shown_after: int
    ) -> TicketDetail:
        """Update the row and select the pages in one statement, if not stale."""
        generation = self._ticket_cache.generation
        values = {"shown_after": shown_after, "before": MAX_ID, **_page_values(request)}
        row = await self._save("save_with_thread", ticket, values)
        return self._detail(row, _page(row), generation)

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
        statement = self._sql[query].bind(
            ticket_id=ticket.id,
            version=ticket.version,
            assigns=ticket.assigns,
            first_replied_at=ticket.first_replied_at,
            resolved_at=ticket.resolved_at,
            **_state_values(ticket),
            **values,
        )
        try:
            row = await self._database.fetchrow(*statement)
        except _REFUSALS as error:
            await self._raise_reason(error, context)
            raise
        finally:
            # before the response is sent, and after an error too: the statement may have committed
            self._unread_counts.invalidate(ticket.user_id)
            self._ticket_cache.invalidate(ticket.id)
        if row is None:
            raise StaleTicket
        return row

    async def _raise_reason(self, error: Exception, context: WriteContext) -> None:
        """Raise the domain's error for a constraint that a write has violated, if that was it."""
        if isinstance(error, asyncpg.CheckViolationError):
            refusal = await self._rate_limiter.refusal(context.hit, error)
            if refusal is not None:
                raise refusal from error
        raise_if_duplicate(context.stored_response, error)
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            raise WriteRefused from error

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
        follow_ups = _follow_ups(row["followed_by"])
        ticket = self._loaded(row, generation)
        return TicketDetail(ticket, row["user_email"], page, follow_ups, history)

    def _loaded(self, row: asyncpg.Record, generation: int) -> Ticket:
        ticket = _ticket(row)
        self._ticket_cache.put(ticket, ticket.version, generation)
        return ticket


def _state_values(ticket: Ticket) -> dict[str, object]:
    """Return the columns that decisions change, and the user whose ticket it must still be."""
    return {
        "user_id": ticket.user_id,
        "status": ticket.status,
        "priority": ticket.priority,
        "user_unread": ticket.user_unread,
        "admin_unread": ticket.admin_unread,
        "message_count": ticket.message_count,
        "last_message": ticket.last_message,
        "updated_at": ticket.updated_at,
        "last_ordinal": ticket.last_ordinal,
        "user_seen": ticket.user_seen,
        "admin_seen": ticket.admin_seen,
        "waiting_since": ticket.waiting_since,
        "assignee_id": None if ticket.assignee is None else ticket.assignee.id,
        "last_sender": ticket.last_sender,
        "events_recorded": ticket.events_recorded,
    }


def _page_values(request: DetailRequest) -> dict[str, object]:
    """Return the bounds of the pages of a detail, and of what stands beside them."""
    events_before = request.events_before
    return {
        "limit": request.limit,
        "max_bytes": MAX_PAGE_BYTES,
        "max_follow_ups": MAX_FOLLOW_UPS,
        "viewer": request.viewer,
        "events_before": _AFTER_ALL_EVENTS if events_before is None else events_before,
        "max_events": MAX_PAGE_EVENTS,
    }


def _page(row: asyncpg.Record) -> ThreadPage:
    return ThreadPage(b"[%b]" % (row["messages"] or b""), row["previous"], row["has_unnumbered"])


def _follow_ups(newest_first: str) -> Sequence[int]:
    """Return the ids of an array's text, `{9,7}`, oldest first."""
    if newest_first == "{}":
        return ()
    return [int(ticket_id) for ticket_id in reversed(newest_first[1:-1].split(","))]


def _message_values(message: Message | None) -> dict[str, object]:
    """Return the columns of a new message, all None where there is none."""
    if message is None:
        return dict.fromkeys(("sender_type", "sender_id", "sender_name", "message", "sent_at"))
    return {
        "sender_type": message.sender_type,
        "sender_id": message.sender_id,
        "sender_name": message.sender_name,
        "message": message.message,
        "sent_at": message.created_at,
    }


def _with_id(message: Message, message_id: int) -> Message:
    return Message(
        id=message_id,
        ticket_id=message.ticket_id,
        sender_type=message.sender_type,
        sender_id=message.sender_id,
        message=message.message,
        created_at=message.created_at,
        ordinal=message.ordinal,
        sender_name=message.sender_name,
    )


def _ticket(row: asyncpg.Record) -> Ticket:
    assignee_name = row["assignee_name"]
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
        last_ordinal=row["last_ordinal"],
        user_seen=row["user_seen"],
        admin_seen=row["admin_seen"],
        waiting_since=row["waiting_since"],
        follows=row["follows"],
        assignee=None if assignee_name is None else NamedAdmin(row["assignee_id"], assignee_name),
        last_sender=Side(row["last_sender"]),
        opened_by=Side(row["opened_by"]),
        first_replied_at=row["first_replied_at"],
        resolved_at=row["resolved_at"],
        events_recorded=row["events_recorded"],
        version=row["version"],
    )
