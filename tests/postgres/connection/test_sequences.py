"""Sequences behind their ids: the first duplicate repairs them, and the statement succeeds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.postgres.roles import a_role
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_fragments, load_queries
from tickets.domain.errors import StaleTicket, StoreUnavailable, WriteRefused
from tickets.domain.people import Actor

BEHIND = load_fragments()["sequences_behind"]
REPAIR = load_queries("sequences")["repair_sequences"].sql


@pytest.fixture
def world(postgres_world: PostgresWorld) -> PostgresWorld:
    return postgres_world


async def behind(database: Database) -> Sequence[tuple[str, int]]:
    rows = await database.fetch(BEHIND)
    return sorted((row["sequence"], row["continues_at"]) for row in rows)


async def test_a_reply_repairs_the_sequence_of_messages_that_gave_a_duplicate_id(
    world: PostgresWorld, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await world.ticket()
    for _ in range(3):
        await world.reply(ticket.id, ADMIN)
    await world.database.fetch("select setval('ticket_messages_id_seq', 1, false)")

    reply = await world.reply(ticket.id, ADMIN, "After the restore.")

    assert reply.id == 5
    assert (await world.texts(ticket.id))[-1] == "After the restore."
    assert await behind(world.database) == []
    (warning,) = caplog.messages
    assert warning.startswith("sequence ticket_messages_id_seq was behind the ids of")


async def test_opening_a_ticket_repairs_every_sequence_that_is_behind(world: PostgresWorld) -> None:
    user_id = await world.user()
    for _ in range(3):
        await world.ticket(user_id)
    await world.token(user_id)
    await world.database.fetch(
        """select setval(name::regclass, 1, false)
             from unnest(array['tickets_id_seq', 'ticket_messages_id_seq', 'users_id_seq',
                               'ticket_tokens_id_seq']) as name"""
    )

    ticket = await world.ticket(user_id)

    assert ticket.id == 4
    assert await behind(world.database) == []
    assert await world.user() == 2
    assert await world.token(user_id)


async def test_a_token_repairs_the_sequence_of_its_identity_column(world: PostgresWorld) -> None:
    user_id = await world.user()
    await world.token(user_id)
    await world.database.fetch("select setval('ticket_tokens_id_seq', 1, false)")

    token = await world.token(user_id)

    assert await world.token_lookup.by_token(token) == user_id


async def test_many_replies_at_once_survive_a_sequence_that_is_behind(world: PostgresWorld) -> None:
    tickets = [await world.ticket() for _ in range(8)]
    await world.database.fetch("select setval('ticket_messages_id_seq', 1, false)")

    replies = await asyncio.gather(
        *(world.reply(t.id, Actor.user(t.user_id)) for t in tickets for _ in range(2))
    )

    assert len({reply.id for reply in replies}) == 16


async def test_a_sequence_keeps_its_increment_and_leaves_the_ids_of_other_servers_alone(
    world: PostgresWorld,
) -> None:
    """As where two servers give odd and even ids."""
    user_id = await world.user()
    await world.database.fetch("alter sequence tickets_id_seq increment by 2 restart with 1")
    for ticket_id in (1, 3, 5, 1000):
        await world.database.fetch(
            """insert into tickets (id, user_id, category, subject)
               values ($1, $2, 'other', 'x')""",
            ticket_id,
            user_id,
        )
    assert await behind(world.database) == [("tickets_id_seq", 7)]

    assert (await world.ticket(user_id)).id == 7

    await world.database.fetch("select setval('tickets_id_seq', 9)")
    assert await behind(world.database) == []


async def test_a_sequence_is_never_set_back(world: PostgresWorld) -> None:
    await world.ticket()
    await world.database.fetch("select setval('tickets_id_seq', 500, false)")

    await world.database.fetch(REPAIR)

    assert (await world.ticket()).id == 500


async def test_high_ids_that_a_platform_keeps_apart_in_its_users_are_left_alone(
    world: PostgresWorld,
) -> None:
    await world.user()
    await world.database.fetch("insert into users (id, email) values (9000, 'bot@example.com')")

    assert await behind(world.database) == []
    assert await world.user() == 2


async def test_two_columns_may_share_a_sequence(world: PostgresWorld) -> None:
    await world.database.fetch("create sequence ids")
    await world.database.fetch("alter table tickets alter column id set default nextval('ids')")
    await world.database.fetch(
        "alter table ticket_messages alter column id set default nextval('ids')"
    )
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    await world.database.fetch("select setval('ids', 1, false)")

    assert await behind(world.database) == [("ids", 4)]
    assert (await world.ticket()).id == 4


async def test_another_duplicate_is_a_refusal_and_repairs_nothing(world: PostgresWorld) -> None:
    await world.ticket()
    await world.database.fetch("create unique index one_subject on tickets (subject)")
    await world.database.fetch("select setval('ticket_messages_id_seq', 1, false)")

    with pytest.raises(WriteRefused):
        await world.ticket()

    assert await behind(world.database) == [("ticket_messages_id_seq", 2)]


async def test_a_sequence_that_may_not_be_repaired_is_a_503_and_logged(
    world: PostgresWorld, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    await world.reply(ticket.id, ADMIN)
    await world.database.fetch("select setval('ticket_messages_id_seq', 1, false)")
    async with a_role(database_url) as role, Database(role.url).open() as database:
        await role.owner.execute(f"revoke update on ticket_messages_id_seq from {role.name}")
        with pytest.raises(StoreUnavailable):
            await PostgresWorld(database).reply(ticket.id, ADMIN)

    assert "cannot be repaired: permission denied for sequence" in caplog.text


async def test_an_ordinal_that_was_given_twice_repairs_its_ticket(
    world: PostgresWorld, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    await world.database.fetch("update tickets set last_ordinal = 0")

    reply = await world.reply(ticket.id, ADMIN, "Not lost.")

    rows = await world.database.fetch("select id, ordinal from ticket_messages order by ordinal")
    assert [(row["id"], row["ordinal"]) for row in rows][-1] == (reply.id, 3)
    assert await world.database.fetchval("select last_ordinal from tickets") == 3
    assert "the last ordinal of ticket 1 was wrong" in caplog.text


async def test_a_duplicate_ordinal_is_a_stale_decision(world: PostgresWorld) -> None:
    ticket = await world.ticket()
    await world.database.fetch("update tickets set last_ordinal = 0")

    with pytest.raises(StaleTicket):
        await world.database.fetch(
            """insert into ticket_messages (ticket_id, sender_type, message, ordinal)
               values ($1, 'admin', 'x', 1)""",
            ticket.id,
        )

    assert await world.database.fetchval("select last_ordinal from tickets") == 1
