"""The idempotency store in memory."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime

from tickets.adapters.memory.store import MemoryStore
from tickets.domain.errors import IdempotencyKeyReused, ResponseErased, StaleTicket
from tickets.domain.idempotency import IdempotencyKey, Result, ResultT, StoredResponse


class MemoryIdempotencyStore:
    """The port `IdempotencyStore` over a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        """Store responses in this store."""
        self._store = store

    async def find(
        self, key: IdempotencyKey, kind: type[ResultT], *, since: datetime
    ) -> ResultT | None:
        """Look the key up, and delete a response that is too old."""
        response = self._store.stored_responses.get((key.caller.principal, key.value))
        if response is None:
            return None
        if response.at < since:
            del self._store.stored_responses[key.caller.principal, key.value]
            return None
        if response.key.fingerprint != key.fingerprint:
            raise IdempotencyKeyReused
        if response.result is None:
            raise ResponseErased
        result = copy.copy(response.result)
        assert isinstance(result, kind)  # noqa: S101 - the fingerprint says that it is
        return result

    async def store(self, response: StoredResponse) -> None:
        """Store it under its key."""
        reject_duplicate(self._store, response)
        store_response(self._store, response, None)

    async def delete_before(self, moment: datetime, *, limit: int) -> int:
        """Look through all responses."""
        responses = self._store.stored_responses
        old = [key for key, response in responses.items() if response.at < moment][:limit]
        for key in old:
            del responses[key]
        return len(old)


def reject_duplicate(store: MemoryStore, response: StoredResponse | None) -> None:
    """Raise `StaleTicket` where the key has a stored response already."""
    if response is None:
        return
    key = response.key
    if (key.caller.principal, key.value) in store.stored_responses:
        raise StaleTicket


def store_response(
    store: MemoryStore, response: StoredResponse | None, stored: Result | None
) -> None:
    """Store a response; `stored` replaces a result that had no id yet."""
    if response is None:
        return
    key = response.key
    result = copy.copy(stored or response.result)
    store.stored_responses[key.caller.principal, key.value] = replace(response, result=result)
