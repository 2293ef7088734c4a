"""Saved replies on PostgreSQL: one statement per call."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.idempotency import (
    REFUSED_WRITE_ERRORS,
    raise_refusal,
    response_values,
)
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import SavedRepliesFull, SavedReplyNotFound
from tickets.domain.idempotency import StoredResponse
from tickets.domain.saved_reply import MAX_SAVED_REPLIES, SavedReply
from tickets.domain.ticket import MAX_ID


class PostgresSavedReplies:
    """The port `SavedReplies` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Store them in this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("saved_replies")

    async def all(self) -> Sequence[SavedReply]:
        """Select all."""
        rows = await self._database.fetch(*self._sql["all_saved_replies"].bind())
        return [SavedReply(**row) for row in rows]

    async def add(
        self, saved_reply: SavedReply, stored_response: StoredResponse | None = None
    ) -> SavedReply:
        """Insert it and the stored response."""
        saved_reply_id = await self._write(
            "add_saved_reply",
            stored_response,
            title=saved_reply.title,
            text=saved_reply.text,
            updated_at=saved_reply.updated_at,
            max_saved_replies=MAX_SAVED_REPLIES,
        )
        if saved_reply_id is None:
            raise SavedRepliesFull
        return SavedReply(
            saved_reply_id, saved_reply.title, saved_reply.text, saved_reply.updated_at
        )

    async def change(
        self, saved_reply: SavedReply, stored_response: StoredResponse | None = None
    ) -> None:
        """Update it, and insert the stored response."""
        _check(saved_reply.id)
        changed = await self._write(
            "change_saved_reply",
            stored_response,
            saved_reply_id=saved_reply.id,
            title=saved_reply.title,
            text=saved_reply.text,
            updated_at=saved_reply.updated_at,
        )
        if changed is None:
            raise SavedReplyNotFound

    async def delete(
        self, saved_reply_id: int, stored_response: StoredResponse | None = None
    ) -> None:
        """Delete it, and insert the stored response."""
        _check(saved_reply_id)
        deleted = await self._write(
            "delete_saved_reply", stored_response, saved_reply_id=saved_reply_id
        )
        if deleted is None:
            raise SavedReplyNotFound

    async def _write(
        self, query: str, response: StoredResponse | None, **values: object
    ) -> int | None:
        """Run a statement that also stores the response; return the id that was written."""
        statement = self._sql[query].bind(**values, **response_values(response))
        try:
            written: int | None = await self._database.fetchval(*statement)
        except REFUSED_WRITE_ERRORS as error:
            raise_refusal(response, error)
            raise
        return written


def _check(saved_reply_id: int) -> None:
    if not 0 < saved_reply_id <= MAX_ID:
        raise SavedReplyNotFound
