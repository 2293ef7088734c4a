"""What requests with an Idempotency-Key were answered, on PostgreSQL; written by the statement of the change itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg
import msgspec

from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.domain.errors import KeyReused, StaleTicket, StillRunning, StoreUnavailable
from tickets.domain.once import AnswerT, Once, Receipt
from tickets.domain.ticket import Actor, Side, Ticket

_PRIMARY_KEY = "ticket_idempotency_keys_pkey"


class PostgresReceipts:
    """The port `Receipts` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Keep them in this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("receipts")

    async def recall(self, once: Once, kind: type[AnswerT], *, since: datetime) -> AnswerT | None:
        """Select by caller and key, and delete what is too old."""
        asked = (_name(once.caller), once.key, since)
        row = await self._database.fetchrow(self._sql["recall_answer"], *asked)
        if row is not None and row["is_old"]:
            await self._database.fetch(self._sql["free_key"], *asked)
            row = None
        if row is None:
            return None
        if row["fingerprint"] != once.fingerprint:
            raise KeyReused
        answer: AnswerT = msgspec.json.decode(row["answer"], type=kind)
        return answer

    async def keep(self, receipt: Receipt) -> None:
        """Insert it alone."""
        try:
            await self._database.fetch(self._sql["keep_answer"], *kept_as(receipt))
        except MEETINGS as error:
            raise_for_twin(receipt, error)
            raise

    async def forget(self, until: datetime, *, limit: int) -> int:
        """Delete off the index by age."""
        count: int = await self._database.fetchval(self._sql["forget_keys"], until, limit)
        return count


def kept_as(receipt: Receipt | None) -> tuple[object, ...]:
    """Return the columns of a receipt, as every statement takes them that writes one."""
    if receipt is None:
        return (None,) * 5
    answer = receipt.answer
    if isinstance(answer, Ticket):
        answer = replace(answer, new_message=None)
    once = receipt.once
    return (
        _name(once.caller),
        once.key,
        once.fingerprint,
        msgspec.json.encode(answer).decode(),
        receipt.at,
    )


MEETINGS = (asyncpg.UniqueViolationError, StoreUnavailable)
"""How a statement fails that writes a receipt and meets its own twin, if that is what it has met."""


def raise_for_twin(receipt: Receipt | None, error: Exception) -> None:
    """Say so where a statement with this receipt has met its own twin: the same request, sent twice.

    The twin went through: `StaleTicket`. It is under way, and was waited for until the lock
    timeout: `StillRunning`. Without a receipt there is no twin.
    """
    if receipt is None:
        return
    if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == _PRIMARY_KEY:
        raise StaleTicket from error
    if isinstance(error.__cause__, asyncpg.LockNotAvailableError):
        raise StillRunning from error


def _name(caller: Actor) -> str:
    return "admin" if caller.side is Side.ADMIN else f"user:{caller.user_id}"
