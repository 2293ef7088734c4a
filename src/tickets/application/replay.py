"""Runs a use case once per idempotency key, for what is no part of a ticket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tickets.application.attempt import retry_while_stale
from tickets.domain.errors import StaleTicket, TicketsError
from tickets.domain.idempotency import (
    KEY_LIFETIME,
    IdempotencyKey,
    Result,
    ResultT,
    StoredResponse,
)
from tickets.domain.ports import Clock, IdempotencyStore

UseCase = Callable[[], Awaitable[ResultT]]


class Replay:
    """Returns the stored response of a key, where there is one; else runs the use case."""

    def __init__(self, idempotency_store: IdempotencyStore, clock: Clock) -> None:
        """Look responses up in this store, by this clock."""
        self._idempotency_store = idempotency_store
        self._clock = clock

    async def run_once(
        self, key: IdempotencyKey | None, result_type: type[ResultT], use_case: UseCase[ResultT]
    ) -> ResultT:
        """Return the result of the first request with this key.

        A request that meets its own duplicate is stale, and finds the duplicate's response here.
        One that is refused may have met it as well, such as a deletion that has just been done.
        """
        if key is None:
            return await use_case()

        async def attempt(_number: int) -> ResultT:
            stored = await self._find(key, result_type)
            if stored is not None:
                return stored
            try:
                return await use_case()
            except StaleTicket:
                raise
            except TicketsError:
                stored = await self._find(key, result_type)
                if stored is None:
                    raise
                return stored

        return await retry_while_stale(attempt)

    async def _find(self, key: IdempotencyKey, result_type: type[ResultT]) -> ResultT | None:
        since = self._clock.now() - KEY_LIFETIME
        return await self._idempotency_store.find(key, result_type, since=since)

    def response(self, key: IdempotencyKey | None, result: Result) -> StoredResponse | None:
        """Return what the write has to store beside the change; None without a key."""
        return None if key is None else StoredResponse(key, result, at=self._clock.now())
