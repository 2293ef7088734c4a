"""Messages that were written past the triggers are in no page, so they keep their ticket unread."""

from __future__ import annotations

import pytest

from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.domain.errors import StaleTicket
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import DetailRequest
from tickets.domain.ticket import Ticket

REPLICATED_MESSAGE = """
    insert into ticket_messages (ticket_id, sender_type, message) values ($1, 'admin', 'Missed')
"""


@pytest.fixture
async def ticket(postgres_world: PostgresWorld, database_url: str) -> Ticket:
    """A ticket with an answer that its user has not read, and one that no trigger saw."""
    ticket = await postgres_world.ticket(await postgres_world.user())
    await postgres_world.reply(ticket.id, ADMIN, "Shown")
    async with connected(database_url) as connection:
        await connection.execute("set session_replication_role = replica")
        await connection.execute(REPLICATED_MESSAGE, ticket.id)
    return await postgres_world.tickets.get(ticket.id)


async def test_opening_a_ticket_with_a_message_that_no_page_has_leaves_it_unread(
    postgres_world: PostgresWorld, ticket: Ticket
) -> None:
    detail = await postgres_world.service.read(ticket.id, by=Actor.user(ticket.user_id))

    assert b"Shown" in detail.thread.messages
    assert b"Missed" not in detail.thread.messages
    stored = await postgres_world.tickets.get(ticket.id)
    assert stored.unread_by(Side.USER)
    assert stored.mark_of(Side.USER) == 1


async def test_a_cached_ticket_with_a_message_that_no_page_has_is_not_saved_as_read(
    postgres_world: PostgresWorld, ticket: Ticket
) -> None:
    assert ticket.read(by=Actor.user(ticket.user_id), shown_after=1)

    with pytest.raises(StaleTicket):
        await postgres_world.tickets.save_with_thread(
            ticket, DetailRequest(Side.ADMIN, 200), shown_after=1
        )
