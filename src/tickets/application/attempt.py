"""Runs use cases under optimistic locking: cache-first load, retry while stale, replay.

Every use case that changes a ticket is run by `Attempts.run`, once per attempt, with an `Attempt`
through which it loads and saves. Three rules hold here, once for all use cases:

- A response that is stored for the idempotency key is returned before anything is decided.
- The first attempt may decide on a cached ticket. Its save compares the version, so a stale
  one is detected. A refusal or a no-op has no save; so it is decided again on a fresh load.
- An attempt whose save is stale is followed by another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tickets.application.user_rate_limits import UserRateLimits
from tickets.domain.errors import StaleTicket, TicketsError
from tickets.domain.idempotency import (
    KEY_LIFETIME,
    IdempotencyKey,
    Result,
    ResultT,
    StoredResponse,
)
from tickets.domain.message import Message
from tickets.domain.people import Actor
from tickets.domain.ports import Clock, IdempotencyStore, TicketCache, Tickets
from tickets.domain.rate_limits import Hit
from tickets.domain.read_models import DetailRequest, TicketDetail
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import WriteContext

MAX_ATTEMPTS = 100
"""Attempts before `StaleTicket` is raised. Each stale save after a fresh load means that somebody
else's change was stored, so this is how many may write in one ticket at the same moment."""

T = TypeVar("T")


async def retry_while_stale(attempt: Callable[[int], Awaitable[T]]) -> T:
    """Call `attempt` with 0, 1, … until it is not stale, `MAX_ATTEMPTS` times at most."""
    for number in range(MAX_ATTEMPTS - 1):
        try:
            return await attempt(number)
        except StaleTicket:
            continue
    return await attempt(MAX_ATTEMPTS - 1)


class Attempts:
    """Runs use cases until their save is not stale; see the module for the rules."""

    def __init__(
        self,
        tickets: Tickets,
        ticket_cache: TicketCache,
        idempotency_store: IdempotencyStore,
        rate_limits: UserRateLimits,
        clock: Clock,
    ) -> None:
        """Load from and save to `tickets`; the first attempt may load from `ticket_cache`."""
        self.tickets = tickets
        self.ticket_cache = ticket_cache
        self.idempotency_store = idempotency_store
        self.rate_limits = rate_limits
        self.clock = clock

    async def run(self, use_case: Callable[[Attempt], Awaitable[T]]) -> T:
        """Run a use case that takes no idempotency key."""

        async def attempt(number: int) -> T:
            return await self._attempt(number, None, use_case)

        return await retry_while_stale(attempt)

    async def run_once(
        self,
        key: IdempotencyKey | None,
        result_type: type[ResultT],
        use_case: Callable[[Attempt], Awaitable[ResultT]],
    ) -> ResultT:
        """Return the stored response of `key`, where there is one; else run the use case.

        The response is looked up before each attempt, and before any rule: a reply that was stored
        gets its response again, though the ticket has been closed since. A request that meets its
        own duplicate is stale, and finds the duplicate's response here.
        """

        async def attempt(number: int) -> ResultT:
            if key is not None:
                since = self.clock.now() - KEY_LIFETIME
                stored = await self.idempotency_store.find(key, result_type, since=since)
                if stored is not None:
                    return stored
            return await self._attempt(number, key, use_case)

        return await retry_while_stale(attempt)

    async def _attempt(
        self,
        number: int,
        key: IdempotencyKey | None,
        use_case: Callable[[Attempt], Awaitable[T]],
    ) -> T:
        if number == 0:
            attempt = Attempt(self, key, may_use_cache=True)
            try:
                return await use_case(attempt)
            except TicketsError:
                if not attempt.decides_on_cached:
                    raise
        return await use_case(Attempt(self, key, may_use_cache=False))


class Attempt:
    """One attempt of a use case: loads tickets, saves them, builds the write context."""

    def __init__(
        self, attempts: Attempts, key: IdempotencyKey | None, *, may_use_cache: bool
    ) -> None:
        """Take the collaborators of `attempts`; look into the cache only where that is allowed."""
        self._attempts = attempts
        self._key = key
        self._may_use_cache = may_use_cache
        self.decides_on_cached = False
        """Whether a cached ticket is being decided on: from its load until the next statement."""

    def cached(self, ticket_id: int) -> Ticket | None:
        """Return the ticket from the cache; None on a miss, and in every attempt but the first."""
        ticket = self._attempts.ticket_cache.get(ticket_id) if self._may_use_cache else None
        self.decides_on_cached = ticket is not None
        return ticket

    async def load(self, ticket_id: int) -> Ticket:
        """Return the ticket from the cache or, on a miss, from the store."""
        cached = self.cached(ticket_id)
        return await self._attempts.tickets.get(ticket_id) if cached is None else cached

    async def load_with_thread(self, ticket_id: int, request: DetailRequest) -> TicketDetail:
        """Return the ticket with the newest page of its thread, as of one moment."""
        self.decides_on_cached = False
        return await self._attempts.tickets.get_with_thread(ticket_id, request)

    async def add(self, ticket: Ticket, *, hit: Hit | None) -> Ticket:
        """Store a new ticket."""
        return await self._attempts.tickets.add(ticket, self._context(ticket, hit))

    async def save_message(self, ticket: Ticket, *, hit: Hit | None) -> Message:
        """Save the ticket with its new message, and return that as it is stored."""
        self.decides_on_cached = False
        assert ticket.new_message is not None  # noqa: S101 - replying adds one
        context = self._context(ticket.new_message, hit)
        stored = await self._attempts.tickets.save(ticket, context)
        assert stored is not None  # noqa: S101 - what was added
        return stored

    async def save_with_thread(
        self, ticket: Ticket, request: DetailRequest, *, shown_after: int
    ) -> TicketDetail:
        """Save the ticket, and return it with the newest page, which must reach `shown_after`."""
        self.decides_on_cached = False
        return await self._attempts.tickets.save_with_thread(
            ticket, request, shown_after=shown_after
        )

    async def save(self, ticket: Ticket, result: ResultT, *, by: Actor, changed: bool) -> ResultT:
        """Save the ticket if it changed, else store the response alone; return `result`.

        With an idempotency key either is a hit on the rate limit `changes`: a response is stored.
        """
        if not changed and self.decides_on_cached:
            raise StaleTicket  # nothing was saved that could detect it
        self.decides_on_cached = False
        rate_limits = self._attempts.rate_limits
        hit = None if self._key is None else rate_limits.hit("changes", by=by)
        if changed:
            await self._attempts.tickets.save(ticket, self._context(result, hit))
        elif (response := self._response(result)) is not None:
            if hit is not None:
                await rate_limits.record(hit)
            await self._attempts.idempotency_store.store(response)
        return result

    def _context(self, result: Result, hit: Hit | None = None) -> WriteContext:
        return WriteContext(self._response(result), hit)

    def _response(self, result: Result) -> StoredResponse | None:
        if self._key is None:
            return None
        return StoredResponse(self._key, result, at=self._attempts.clock.now())
