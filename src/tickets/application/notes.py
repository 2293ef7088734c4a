"""The use cases of internal notes."""

from __future__ import annotations

from tickets.application.replay import Replay
from tickets.domain.errors import NotAllowed
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.note import Note, NotePage
from tickets.domain.people import Actor, Side
from tickets.domain.ports import Clock, IdempotencyStore, Notes


class NoteService:
    """Everything that admins do with notes. Raises `NotAllowed` for users."""

    def __init__(self, notes: Notes, idempotency_store: IdempotencyStore, clock: Clock) -> None:
        """Work on these ports."""
        self._notes = notes
        self._replay = Replay(idempotency_store, clock)
        self._clock = clock

    async def add(
        self,
        ticket_id: int,
        text: str,
        *,
        by: Actor,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Note:
        """Write a note and return it; see `Note.written` and `Notes.add` for the errors."""

        async def use_case() -> Note:
            note = Note.written(text, by=by, at=self._clock.now())
            response = self._replay.response(idempotency_key, note)
            return await self._notes.add(ticket_id, note, response)

        return await self._replay.run_once(idempotency_key, Note, use_case)

    async def page(self, ticket_id: int, *, by: Actor, before: int | None = None) -> NotePage:
        """Return the newest page of a ticket's notes, or the one before a note's id."""
        if by.side is not Side.ADMIN:
            raise NotAllowed
        return await self._notes.page(ticket_id, before=before)
