"""The ports over dictionaries, for fast tests and nothing else; under the same suites as PostgreSQL.

Copies what it is given and what it gives, so that a forgotten save is a test that fails.
"""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tickets.domain.errors import (
    KeyReused,
    NotAuthenticated,
    StaleTicket,
    TicketNotFound,
    TooManyRequests,
)
from tickets.domain.once import AnswerT, Once, Receipt
from tickets.domain.rates import MICROSECOND, Standing, Use
from tickets.domain.ticket import Actor, Category, Message, Status, Ticket
from tickets.domain.views import (
    AdminPosition,
    AdminRow,
    Conversation,
    Page,
    Row,
    Stats,
    UserPosition,
    UserRow,
)


class MemoryStore:
    """What the memory adapters share: users, tokens, tickets, threads, receipts and rates."""

    def __init__(self, *, moment: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `moment` tells seconds that have passed since some time or other."""
        self.moment = moment
        self.arrivals: dict[str, tuple[timedelta, timedelta]] = {}
        self.emails: dict[int, str] = {}
        self.tokens: dict[str, int] = {}
        self.tickets: dict[int, Ticket] = {}
        self.threads: dict[int, list[Message]] = {}
        self.receipts: dict[tuple[Actor, str], Receipt] = {}
        self.ids = itertools.count(1)

    def add_user(self, email: str, token: str | None = None) -> int:
        """Return the id of a new user, who holds `token` from now on."""
        user_id = next(self.ids)
        self.emails[user_id] = email
        if token is not None:
            self.tokens[token] = user_id
        return user_id


class MemoryTickets:
    """The port `Tickets` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep tickets in this store."""
        self._store = store
        self.recollections: dict[int, Ticket] = {}
        """What counts as remembered: whatever a test has put there."""

    async def add(
        self, ticket: Ticket, *, receipt: Receipt | None = None, use: Use | None = None
    ) -> Ticket:
        """Keep a copy under the next id."""
        if ticket.user_id not in self._store.emails:
            raise NotAuthenticated
        _refuse_twin(self._store, receipt)
        _count(self._store, use)
        stored = replace(ticket, id=next(self._store.ids), version=1, new_message=None)
        self._store.tickets[stored.id] = stored
        self._store.threads[stored.id] = []
        self._append(stored.id, ticket.new_message)
        _keep(self._store, receipt, stored)
        return copy.copy(stored)

    def remembered(self, ticket_id: int) -> Ticket | None:
        """Return a copy of what counts as remembered."""
        ticket = self.recollections.get(ticket_id)
        return None if ticket is None else copy.copy(ticket)

    async def get(self, ticket_id: int) -> Ticket:
        """Return a copy."""
        if ticket_id not in self._store.tickets:
            raise TicketNotFound
        return replace(self._store.tickets[ticket_id], new_message=None)

    async def get_with_thread(self, ticket_id: int) -> Conversation:
        """Return copies."""
        ticket = await self.get(ticket_id)
        thread = sorted(
            self._store.threads[ticket_id], key=lambda message: (message.created_at, message.id)
        )
        return Conversation(ticket, self._store.emails[ticket.user_id], thread)

    async def save(
        self, ticket: Ticket, *, receipt: Receipt | None = None, use: Use | None = None
    ) -> Message | None:
        """Compare the version, then keep a copy under the next one."""
        self.recollections.pop(ticket.id, None)
        current = self._store.tickets.get(ticket.id)
        if current is None or current.version != ticket.version:
            raise StaleTicket
        _refuse_twin(self._store, receipt)
        _count(self._store, use)
        self._store.tickets[ticket.id] = replace(
            ticket, version=ticket.version + 1, new_message=None
        )
        stored = self._append(ticket.id, ticket.new_message)
        _keep(self._store, receipt, stored)
        return stored

    async def save_with_thread(self, ticket: Ticket) -> Conversation:
        """Save, and return copies."""
        await self.save(ticket)
        return await self.get_with_thread(ticket.id)

    async def resolved_until(self, moment: datetime, *, limit: int) -> Sequence[int]:
        """Look through all tickets."""
        found = [
            ticket
            for ticket in self._store.tickets.values()
            if ticket.status is Status.RESOLVED and ticket.updated_at <= moment
        ]
        found.sort(key=lambda ticket: (ticket.updated_at, ticket.id))
        return [ticket.id for ticket in found[:limit]]

    def _append(self, ticket_id: int, message: Message | None) -> Message | None:
        if message is None:
            return None
        stored = replace(message, id=next(self._store.ids), ticket_id=ticket_id)
        self._store.threads[ticket_id].append(stored)
        return stored


class MemoryReceipts:
    """The port `Receipts` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep receipts in this store."""
        self._store = store

    async def recall(self, once: Once, kind: type[AnswerT], *, since: datetime) -> AnswerT | None:
        """Look the key up, and drop what is too old."""
        receipt = self._store.receipts.get((once.caller, once.key))
        if receipt is None:
            return None
        if receipt.at < since:
            del self._store.receipts[once.caller, once.key]
            return None
        if receipt.once.fingerprint != once.fingerprint:
            raise KeyReused
        answer = copy.copy(receipt.answer)
        assert isinstance(answer, kind)  # noqa: S101 - the fingerprint says that it is
        return answer

    async def keep(self, receipt: Receipt) -> None:
        """Keep it under its key."""
        _refuse_twin(self._store, receipt)
        _keep(self._store, receipt, None)

    async def forget(self, until: datetime, *, limit: int) -> int:
        """Look through all receipts."""
        old = [key for key, receipt in self._store.receipts.items() if receipt.at < until][:limit]
        for key in old:
            del self._store.receipts[key]
        return len(old)


def _refuse_twin(store: MemoryStore, receipt: Receipt | None) -> None:
    if receipt is not None and (receipt.once.caller, receipt.once.key) in store.receipts:
        raise StaleTicket


def _keep(store: MemoryStore, receipt: Receipt | None, stored: Ticket | Message | None) -> None:
    """Keep a receipt, with what was stored, if anything, in place of what had no id yet."""
    if receipt is None:
        return
    answer = copy.copy(stored or receipt.answer)
    store.receipts[receipt.once.caller, receipt.once.key] = replace(receipt, answer=answer)


class MemoryRates:
    """The port `Rates` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Count in this store."""
        self._store = store

    def check(self, use: Use) -> None:
        """Let all pass: asking the store costs nothing."""

    async def count(self, use: Use) -> Standing:
        """Move the subject's arrival."""
        _count(self._store, use)
        standing = self.standing(use)
        assert standing is not None  # noqa: S101 - it has just been counted
        return standing

    def standing(self, use: Use) -> Standing | None:
        """Look at the subject's arrival."""
        ahead = _ahead(self._store, use)
        return Standing.ahead_by(ahead // MICROSECOND, use.rate) if ahead else None

    async def forget_unused(self) -> int:
        """Look through all subjects."""
        now = timedelta(seconds=self._store.moment())
        unused = [subject for subject, at in self._store.arrivals.items() if at[0] < now]
        for subject in unused:
            del self._store.arrivals[subject]
        return len(unused)


def _ahead(store: MemoryStore, use: Use) -> timedelta:
    arrival, period = store.arrivals.get(use.subject, (timedelta(), use.rate.period))
    ahead = arrival - timedelta(seconds=store.moment())
    return max(ahead, timedelta()) if period == use.rate.period else timedelta()


def _count(store: MemoryStore, use: Use | None) -> None:
    if use is None:
        return
    ahead = _ahead(store, use) + use.rate.interval
    if ahead > use.rate.period:
        raise TooManyRequests(use, Standing(0, (ahead - use.rate.period) // MICROSECOND))
    arrival = timedelta(seconds=store.moment()) + ahead
    store.arrivals[use.subject] = arrival, use.rate.period


class MemoryTicketViews:
    """The port `TicketViews` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Look at the tickets in this store."""
        self._store = store

    async def user_list(
        self, user_id: int, *, status: Status | None, after: UserPosition | None, limit: int
    ) -> Page[UserRow]:
        """Sort all of the user's tickets."""
        rows = [
            _row(UserRow, ticket)
            for ticket in self._store.tickets.values()
            if ticket.user_id == user_id and status in (None, ticket.status)
        ]
        rows.sort(key=lambda row: row.position, reverse=True)
        return Page.cut([row for row in rows if after is None or row.position < after], limit)

    async def user_unread(self, user_id: int) -> int:
        """Count the user's flags."""
        return sum(
            ticket.user_unread
            for ticket in self._store.tickets.values()
            if ticket.user_id == user_id
        )

    async def admin_list(
        self,
        *,
        status: Status | None,
        category: Category | None,
        after: AdminPosition | None,
        limit: int,
    ) -> Page[AdminRow]:
        """Sort all tickets."""
        rows = [
            _row(AdminRow, ticket, user_email=self._store.emails[ticket.user_id])
            for ticket in self._store.tickets.values()
            if status in (None, ticket.status) and category in (None, ticket.category)
        ]
        rows.sort(key=lambda row: row.position, reverse=True)
        return Page.cut([row for row in rows if after is None or row.position < after], limit)

    async def admin_unread(self) -> int:
        """Count all flags."""
        return sum(ticket.admin_unread for ticket in self._store.tickets.values())

    async def admin_stats(self) -> Stats:
        """Count all tickets."""
        return Stats.of(
            (ticket.status, ticket.category, 1, int(ticket.admin_unread))
            for ticket in self._store.tickets.values()
        )


class MemoryUsers:
    """The port `Users` over a `MemoryStore`; its tokens do not expire."""

    def __init__(self, store: MemoryStore) -> None:
        """Know the users of this store."""
        self._store = store

    async def by_token(self, token: str) -> int | None:
        """Look the token up."""
        return self._store.tokens.get(token)


def _row(kind: type[Row], ticket: Ticket, **more: Any) -> Row:  # noqa: ANN401 - what the row has beyond the ticket
    """Make a row of the fields that it shares with the ticket."""
    shared: dict[str, Any] = {
        name: getattr(ticket, name) for name in kind.__dataclass_fields__ if hasattr(ticket, name)
    }
    return kind(**shared, **more)
