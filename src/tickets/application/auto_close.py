"""Auto-close: closes resolved tickets after a quiet period ("natural close", section 4)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from tickets.application.attempt import retry_while_stale
from tickets.domain.errors import StoreUnavailable, TicketNotFound
from tickets.domain.ports import Clock, Tickets

logger = logging.getLogger("tickets")

BATCH_SIZE = 500
"""Tickets that one query returns at most, which bounds the memory of a run."""

MAX_UNAVAILABLE = 3
"""Tickets in a row that the store may be unavailable for, before the run ends. One alone may be
locked by somebody else."""


class AutoClose:
    """Closes every resolved ticket that has been quiet for a period.

    Any number of processes may run it at once: each ticket is closed by one of them, and a reply
    at the same moment either comes first, after which the ticket is not closed, or is refused.
    """

    def __init__(self, tickets: Tickets, clock: Clock) -> None:
        """Work on these tickets, by this clock."""
        self._tickets = tickets
        self._clock = clock

    async def close_due(self, quiet_for: timedelta) -> int:
        """Close every resolved ticket that has been quiet for `quiet_for`; return how many.

        A ticket that cannot be saved, such as one that a trigger of the platform's refuses, is
        logged and passed over: keyset pagination goes on behind it. Raises `StoreUnavailable`.
        """
        taken_over_at = await self._tickets.taken_over_at()
        closed = unavailable = 0
        after = None
        while True:
            quiet_since = self._clock.now() - quiet_for
            due = await self._tickets.resolved_since(quiet_since, after=after, limit=BATCH_SIZE)
            for after in due:
                try:
                    closed += await self._close_if_due(after.id, quiet_for, taken_over_at)
                except StoreUnavailable as error:
                    unavailable += 1
                    if unavailable == MAX_UNAVAILABLE:
                        raise
                    _log_failure(after.id, error.__cause__ or error)
                except Exception as error:  # noqa: BLE001 - whatever a platform's trigger raises
                    _log_failure(after.id, error.__cause__ or error)
                else:
                    unavailable = 0
            if len(due) < BATCH_SIZE:
                return closed

    async def _close_if_due(
        self, ticket_id: int, quiet_for: timedelta, taken_over_at: datetime | None
    ) -> bool:
        async def attempt(_number: int) -> bool:
            try:
                ticket = await self._tickets.get(ticket_id)
            except TicketNotFound:
                return False
            if not ticket.auto_close(
                quiet_for=quiet_for, at=self._clock.now(), taken_over_at=taken_over_at
            ):
                return False
            await self._tickets.save(ticket)
            return True

        return await retry_while_stale(attempt)


def _log_failure(ticket_id: int, error: BaseException) -> None:
    logger.warning("ticket %d could not be closed and will be retried: %r", ticket_id, error)
