"""Internal notes on PostgreSQL: one statement per call."""

from __future__ import annotations

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.idempotency import (
    REFUSED_WRITE_ERRORS,
    raise_refusal,
    response_values,
)
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import NotesFull, TicketNotFound
from tickets.domain.idempotency import StoredResponse
from tickets.domain.note import MAX_NOTES, MAX_PAGE_NOTES, Note, NotePage
from tickets.domain.people import NamedAdmin
from tickets.domain.ticket import MAX_ID


class PostgresNotes:
    """The port `Notes` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Store notes in this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("notes")

    async def add(
        self, ticket_id: int, note: Note, stored_response: StoredResponse | None = None
    ) -> Note:
        """Insert note and stored response."""
        if not 0 < ticket_id <= MAX_ID:
            raise TicketNotFound
        statement = self._sql["add_note"].bind(
            ticket_id=ticket_id,
            admin_id=None if note.admin is None else note.admin.id,
            admin_name=None if note.admin is None else note.admin.name,
            note=note.note,
            created_at=note.created_at,
            max_notes=MAX_NOTES,
            **response_values(stored_response),
        )
        try:
            row = await self._database.fetchrow(*statement)
        except REFUSED_WRITE_ERRORS as error:
            raise_refusal(stored_response, error)
            raise
        if row is None:
            raise TicketNotFound
        if row["note_id"] is None:
            raise NotesFull
        return Note(row["note_id"], note.admin, note.note, note.created_at)

    async def page(
        self, ticket_id: int, *, before: int | None = None, limit: int = MAX_PAGE_NOTES
    ) -> NotePage:
        """Select one note more than `limit`, which shows whether there are more."""
        if not 0 < ticket_id <= MAX_ID:
            return NotePage((), None)
        query = self._sql["notes_of_ticket"].bind(
            ticket_id=ticket_id, before=MAX_ID if before is None else before, limit=limit + 1
        )
        rows = await self._database.fetch(*query)
        notes = [_note(row) for row in reversed(rows[:limit])]
        return NotePage(notes, rows[limit]["id"] if len(rows) > limit else None)


def _note(row: asyncpg.Record) -> Note:
    admin_id = row["admin_id"]
    admin = None if admin_id is None else NamedAdmin(admin_id, row["admin_name"])
    return Note(row["id"], admin, row["note"], row["created_at"])
