"""Ports of the team's desk: internal notes and saved replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tickets.domain.idempotency import StoredResponse
from tickets.domain.note import MAX_PAGE_NOTES, Note, NotePage
from tickets.domain.saved_reply import SavedReply


class Notes(Protocol):
    """Internal notes about tickets."""

    async def add(
        self, ticket_id: int, note: Note, stored_response: StoredResponse | None = None
    ) -> Note:
        """Store a note and the response of its idempotency key together; return it with its id.

        The ticket stays as it is, its version included. Each error means that nothing was stored:
        `TicketNotFound`; `NotesFull` where the ticket has `MAX_NOTES`, or a few more where several
        were written at the same moment; and what `IdempotencyStore.store` raises for a duplicate.
        """

    async def page(
        self, ticket_id: int, *, before: int | None = None, limit: int = MAX_PAGE_NOTES
    ) -> NotePage:
        """Return the newest `limit` notes of a ticket, or those with an id below `before`.

        The page is empty where there is no such ticket.
        """


class SavedReplies(Protocol):
    """The saved replies of the team.

    Each write stores the response of its idempotency key with it, and raises what
    `IdempotencyStore.store` does for a duplicate.
    """

    async def all(self) -> Sequence[SavedReply]:
        """Return all of them by title."""

    async def add(
        self, saved_reply: SavedReply, stored_response: StoredResponse | None = None
    ) -> SavedReply:
        """Store a new one; return it with its id.

        Raises `SavedRepliesFull` where there are `MAX_SAVED_REPLIES`, or a few more where several
        were added at the same moment.
        """

    async def change(
        self, saved_reply: SavedReply, stored_response: StoredResponse | None = None
    ) -> None:
        """Replace the one with this id; raise `SavedReplyNotFound` where there is none."""

    async def delete(
        self, saved_reply_id: int, stored_response: StoredResponse | None = None
    ) -> None:
        """Delete it; raise `SavedReplyNotFound` where there is none."""
