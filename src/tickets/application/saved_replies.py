"""The use cases of saved replies."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.application.replay import Replay
from tickets.domain.idempotency import IdempotencyKey
from tickets.domain.people import Actor
from tickets.domain.ports import Clock, IdempotencyStore, SavedReplies
from tickets.domain.saved_reply import SavedReply, check_may_save_replies


class SavedReplyService:
    """Everything that admins do with saved replies. Raises `NotAllowed` for users."""

    def __init__(
        self, saved_replies: SavedReplies, idempotency_store: IdempotencyStore, clock: Clock
    ) -> None:
        """Work on these ports."""
        self._saved_replies = saved_replies
        self._replay = Replay(idempotency_store, clock)
        self._clock = clock

    async def all(self, *, by: Actor) -> Sequence[SavedReply]:
        """Return all of them by title."""
        check_may_save_replies(by)
        return await self._saved_replies.all()

    async def add(
        self, title: str, text: str, *, by: Actor, idempotency_key: IdempotencyKey | None = None
    ) -> SavedReply:
        """Add one and return it; see `SavedReply.written` and `SavedReplies.add` for the errors."""

        async def use_case() -> SavedReply:
            new = SavedReply.written(title, text, by=by, at=self._clock.now())
            response = self._replay.response(idempotency_key, new)
            return await self._saved_replies.add(new, response)

        return await self._replay.run_once(idempotency_key, SavedReply, use_case)

    async def change(
        self,
        saved_reply_id: int,
        title: str,
        text: str,
        *,
        by: Actor,
        idempotency_key: IdempotencyKey | None = None,
    ) -> SavedReply:
        """Replace title and text and return it; raises `SavedReplyNotFound`."""

        async def use_case() -> SavedReply:
            at = self._clock.now()
            changed = SavedReply.written(title, text, by=by, at=at, saved_reply_id=saved_reply_id)
            response = self._replay.response(idempotency_key, changed)
            await self._saved_replies.change(changed, response)
            return changed

        return await self._replay.run_once(idempotency_key, SavedReply, use_case)

    async def delete(
        self, saved_reply_id: int, *, by: Actor, idempotency_key: IdempotencyKey | None = None
    ) -> None:
        """Delete one; raises `SavedReplyNotFound`."""
        check_may_save_replies(by)

        async def use_case() -> bool:
            deleted = True
            response = self._replay.response(idempotency_key, deleted)
            await self._saved_replies.delete(saved_reply_id, response)
            return deleted

        await self._replay.run_once(idempotency_key, bool, use_case)
