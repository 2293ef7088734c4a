"""Runs use cases over the memory adapter, without an event loop, and interrupts them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from tests.world import MemoryWorld
from tickets.application.tickets import TicketService
from tickets.domain.message import Message
from tickets.domain.ports import Tickets
from tickets.domain.ticket import Ticket
from tickets.domain.write_context import NO_CONTEXT, WriteContext

Result = TypeVar("Result")


def run_sync(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never suspends, and return its result."""
    try:
        work.send(None)
    except StopIteration as finished:
        result: Result = finished.value
        return result
    message = "the coroutine suspended, which the memory adapter never does"
    raise AssertionError(message)


class InterruptedTickets:
    """The port `Tickets`, where another process writes between load and save, `times` times."""

    def __init__(
        self, world: MemoryWorld, interruption: Callable[[], Awaitable[object]], times: int
    ) -> None:
        self._tickets = world.tickets
        self._interruption = interruption
        self._left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tickets, name)

    async def save(self, ticket: Ticket, context: WriteContext = NO_CONTEXT) -> Message | None:
        if self._left:
            self._left -= 1
            await self._interruption()
        return await self._tickets.save(ticket, context)


def interrupted_tickets(
    world: MemoryWorld, by: Callable[[], Awaitable[object]], times: int = 1
) -> Tickets:
    tickets: Any = InterruptedTickets(world, by, times)
    return cast("Tickets", tickets)


def interrupted_service(
    world: MemoryWorld, by: Callable[[], Awaitable[object]], times: int = 1
) -> TicketService:
    return world.service_over(interrupted_tickets(world, by, times), world.ticket_cache)
