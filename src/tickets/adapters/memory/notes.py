"""Internal notes in memory."""

from __future__ import annotations

from dataclasses import replace

from tickets.adapters.memory.idempotency import reject_duplicate, store_response
from tickets.adapters.memory.store import MemoryStore
from tickets.domain.errors import NotesFull, TicketNotFound
from tickets.domain.idempotency import StoredResponse
from tickets.domain.note import MAX_NOTES, MAX_PAGE_NOTES, Note, NotePage


class MemoryNotes:
    """The port `Notes` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Store notes in this store."""
        self._store = store

    async def add(
        self, ticket_id: int, note: Note, stored_response: StoredResponse | None = None
    ) -> Note:
        """Append it under the next id."""
        if ticket_id not in self._store.tickets:
            raise TicketNotFound
        notes = self._store.notes.setdefault(ticket_id, [])
        if len(notes) >= MAX_NOTES:
            raise NotesFull
        reject_duplicate(self._store, stored_response)
        stored = replace(note, id=next(self._store.ids))
        notes.append(stored)
        store_response(self._store, stored_response, stored)
        return stored

    async def page(
        self, ticket_id: int, *, before: int | None = None, limit: int = MAX_PAGE_NOTES
    ) -> NotePage:
        """Return the end of the list."""
        notes = [
            note
            for note in self._store.notes.get(ticket_id, ())
            if before is None or note.id < before
        ]
        rest = notes[:-limit]
        return NotePage(notes[-limit:], rest[-1].id if rest else None)
