"""Full-text search in memory: looks through every text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import msgspec

from tickets.adapters.memory.store import MemoryStore
from tickets.adapters.memory.ticket_views import admin_row, row_of
from tickets.domain.read_models import FoundPage, UserPosition, UserRow
from tickets.domain.search import MAX_MATCHES, Field, SearchQuery
from tickets.domain.ticket import Ticket

_Found = tuple[int, Field, str]
"""A ticket's id, and where the query was found in it."""


class MemoryTicketSearch:
    """The port `TicketSearch` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Search the tickets in this store."""
        self._store = store

    async def own(
        self, user_id: int, query: SearchQuery, *, after: UserPosition | None, limit: int
    ) -> FoundPage:
        """Look through the user's subjects and messages."""
        own = {
            ticket.id: ticket
            for ticket in self._store.tickets.values()
            if ticket.user_id == user_id
        }
        kinds = [_numbers(own, query), _subjects(own, query), self._messages(own, query)]
        found = _collect(own, kinds)
        rows = {key: asdict(row_of(UserRow, own[key])) for key in found.texts}
        return found.page(query, rows, after, limit)

    async def everywhere(
        self, query: SearchQuery, *, after: UserPosition | None, limit: int
    ) -> FoundPage:
        """Look through all subjects, messages and notes, and the addresses of all users."""
        tickets, emails = self._store.tickets, self._store.emails
        addresses = (
            (ticket.id, Field.EMAIL, emails[ticket.user_id])
            for ticket in _newest(tickets)
            if query.is_beginning_of(emails[ticket.user_id])
        )
        kinds = [
            _numbers(tickets, query),
            addresses,
            _subjects(tickets, query),
            self._messages(tickets, query),
            self._notes(tickets, query),
        ]
        found = _collect(tickets, kinds)
        rows = {key: asdict(admin_row(self._store, tickets[key])) for key in found.texts}
        return found.page(query, rows, after, limit)

    def _messages(self, tickets: dict[int, Ticket], query: SearchQuery) -> Iterator[_Found]:
        messages = [message for key in tickets for message in self._store.threads[key]]
        for message in sorted(messages, key=lambda message: -message.id):
            if query.is_in(message.message):
                yield message.ticket_id, Field.MESSAGE, message.message

    def _notes(self, tickets: dict[int, Ticket], query: SearchQuery) -> Iterator[_Found]:
        notes = [(note, key) for key in tickets for note in self._store.notes.get(key, ())]
        for note, key in sorted(notes, key=lambda each: -each[0].id):
            if query.is_in(note.note):
                yield key, Field.NOTE, note.note


class _Collected:
    """The first match of each ticket, and whether there are more than are collected."""

    def __init__(self, tickets: dict[int, Ticket]) -> None:
        self._tickets = tickets
        self.texts: dict[int, tuple[Field, str]] = {}
        self.is_truncated = False

    def page(
        self,
        query: SearchQuery,
        rows: dict[int, dict[str, Any]],
        after: UserPosition | None,
        limit: int,
    ) -> FoundPage:
        """Encode the rows after a position, of at most one page, in descending order."""
        positions = sorted(
            (UserPosition(self._tickets[key].updated_at, key) for key in self.texts), reverse=True
        )
        rest = [position for position in positions if after is None or position < after]
        page = rest[:limit]
        encoded = msgspec.json.encode(
            [
                rows[position.id] | {"match": query.match(*self.texts[position.id])}
                for position in page
            ]
        )
        return FoundPage(encoded, page[-1] if len(rest) > limit else None, self.is_truncated)


def _collect(tickets: dict[int, Ticket], kinds: Iterable[Iterable[_Found]]) -> _Collected:
    """Collect `MAX_MATCHES` of each kind; of a ticket's, the first."""
    collected = _Collected(tickets)
    for kind in kinds:
        found = list(islice(kind, MAX_MATCHES + 1))
        collected.is_truncated |= len(found) > MAX_MATCHES
        for key, field, text in found[:MAX_MATCHES]:
            collected.texts.setdefault(key, (field, text))
    return collected


def _newest(tickets: dict[int, Ticket]) -> list[Ticket]:
    return sorted(tickets.values(), key=lambda ticket: -ticket.id)


def _numbers(tickets: dict[int, Ticket], query: SearchQuery) -> Iterator[_Found]:
    if query.number is not None and query.number in tickets:
        yield query.number, Field.NUMBER, str(query.number)


def _subjects(tickets: dict[int, Ticket], query: SearchQuery) -> Iterator[_Found]:
    for ticket in _newest(tickets):
        if query.is_in(ticket.subject):
            yield ticket.id, Field.SUBJECT, ticket.subject
