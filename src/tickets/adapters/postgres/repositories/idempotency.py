"""The idempotency store on PostgreSQL; the statement of a change writes its stored response."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.repositories.stored_responses import (
    decode_response,
    encode_response,
)
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.errors import (
    IdempotencyKeyReused,
    RequestInProgress,
    StaleTicket,
    StoreUnavailable,
    WriteRefused,
)
from tickets.domain.idempotency import IdempotencyKey, ResultT, StoredResponse

_PRIMARY_KEY = "ticket_idempotency_keys_pkey"


class PostgresIdempotencyStore:
    """The port `IdempotencyStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Store responses in this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("idempotency")

    async def find(
        self, key: IdempotencyKey, kind: type[ResultT], *, since: datetime
    ) -> ResultT | None:
        """Select by caller and key; delete a response that is too old."""
        values = {"caller": key.caller.principal, "key": key.value, "since": since}
        row = await self._database.fetchrow(*self._sql["find_response"].bind(**values))
        if row is not None and row["is_expired"]:
            await self._database.fetch(*self._sql["delete_expired_response"].bind(**values))
            row = None
        if row is None:
            return None
        if row["fingerprint"] != key.fingerprint:
            raise IdempotencyKeyReused
        return decode_response(row["answer"], kind)

    async def store(self, response: StoredResponse) -> None:
        """Insert it alone."""
        try:
            await self._database.fetch(
                *self._sql["store_response"].bind(**response_values(response))
            )
        except REFUSED_WRITE_ERRORS as error:
            raise_refusal(response, error)
            raise

    async def delete_before(self, moment: datetime, *, limit: int) -> int:
        """Delete through the index by age."""
        query = self._sql["delete_responses_before"].bind(moment=moment, limit=limit)
        count: int = await self._database.fetchval(*query)
        return count


def response_values(response: StoredResponse | None) -> dict[str, object]:
    """Return the parameters of a statement that stores a response, all None without one."""
    if response is None:
        return dict.fromkeys(("caller", "key", "fingerprint", "response", "recorded_at"))
    key = response.key
    return {
        "caller": key.caller.principal,
        "key": key.value,
        "fingerprint": key.fingerprint,
        "response": encode_response(response.result),
        "recorded_at": response.at,
    }


REFUSED_WRITE_ERRORS = (asyncpg.IntegrityConstraintViolationError, StoreUnavailable)
"""Errors that a write catches, since `raise_refusal` knows what some of them mean."""


def raise_refusal(response: StoredResponse | None, error: Exception) -> None:
    """Raise the domain's error where `error` means that the write was refused.

    Where the same request was sent twice, and the other one was committed: `StaleTicket`. Where
    that one is running, and was waited for until the lock timeout: `RequestInProgress`. Without a
    stored response there is no duplicate. Any other constraint is the platform's: `WriteRefused`.
    """
    if response is not None:
        if (
            isinstance(error, asyncpg.UniqueViolationError)
            and error.constraint_name == _PRIMARY_KEY
        ):
            raise StaleTicket from error
        if isinstance(error.__cause__, asyncpg.LockNotAvailableError):
            raise RequestInProgress from error
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        raise WriteRefused from error
