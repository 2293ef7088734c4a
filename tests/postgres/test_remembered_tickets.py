"""Tickets as a process last saw them: a statement less for each decision, and never a wrong one."""

from __future__ import annotations

import asyncio

import pytest

from tests.postgres.processes import Process, kill_listeners
from tests.postgres.waiting import until
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.listener import CURRENT_SECONDS, Listener
from tickets.adapters.postgres.remembered_tickets import RememberedTickets
from tickets.domain.errors import StaleTicket, StoreUnavailable, TicketClosed, TicketNotFound
from tickets.domain.ticket import Actor, Status


async def test_a_reply_to_what_was_shown_and_opening_what_was_answered_are_one_statement_each(
    process: Process,
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.desk.read(ticket.id, by=ADMIN)

    assert await process.asks(process.reply(ticket.id, ADMIN, "An answer.")) == 1
    assert await process.asks(process.desk.read(ticket.id, by=owner)) == 1
    assert await process.asks(process.reply(ticket.id, owner, "Thank you.")) == 1
    assert await process.asks(process.desk.acknowledge(ticket.id, 3, by=ADMIN)) == 1
    assert await process.asks(process.desk.mark_unread(ticket.id, by=owner)) == 1
    assert await process.asks(process.desk.move(ticket.id, "closed", by=ADMIN)) == 1

    assert await process.texts(ticket.id) == [
        "It stops after the first hundred rows.",
        "An answer.",
        "Thank you.",
    ]
    kept = await process.tickets.get(ticket.id)
    assert (kept.status, kept.message_count, kept.last_message) == (
        Status.CLOSED,
        3,
        "Thank you.",
    )
    assert await process.flags(ticket.id) == (True, False)


async def test_what_another_process_has_done_is_found_out_by_the_save(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    ticket = await here.ticket()
    owner = Actor.user(ticket.user_id)
    await here.tickets.get(ticket.id)
    await there.reply(ticket.id, ADMIN, "From there.")
    await there.reply(ticket.id, owner, "And back.")

    # refused as stale, loaded, saved
    assert await here.asks(here.reply(ticket.id, ADMIN, "From here.")) == 3

    assert await here.texts(ticket.id) == [
        "It stops after the first hundred rows.",
        "From there.",
        "And back.",
        "From here.",
    ]
    await there.desk.move(ticket.id, "closed", by=ADMIN)
    with pytest.raises(TicketClosed):
        await here.reply(ticket.id, owner, "Too late.")
    await here.desk.move(ticket.id, "open", by=ADMIN)
    await there.reply(ticket.id, owner, "In time.")


@pytest.mark.parametrize(
    "change",
    [
        "update tickets set status = 'closed'",
        "update tickets set status = 'closed', version = version + 1",
        "update tickets set status = 'closed', updated_at = now()",
    ],
)
async def test_what_somebody_has_done_at_a_console_is_not_undone(
    process: Process, change: str
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.desk.read(ticket.id, by=owner)
    await process.database.fetch(change)

    with pytest.raises(TicketClosed):
        await process.reply(ticket.id, owner)

    assert (await process.tickets.get(ticket.id)).status is Status.CLOSED


async def test_what_somebody_has_done_at_a_console_makes_what_was_loaded_before_stale(
    postgres_world: PostgresWorld,
) -> None:
    world = postgres_world
    ticket = await world.ticket()
    await world.database.fetch("update tickets set status = 'closed'")

    ticket.reply("Is anybody there?", by=ADMIN, at=world.clock.now())
    with pytest.raises(StaleTicket):
        await world.tickets.save(ticket)

    assert (await world.tickets.get(ticket.id)).version == ticket.version + 1
    await world.desk.move(ticket.id, "open", by=ADMIN)
    # what the service changes is one version and not two
    assert (await world.tickets.get(ticket.id)).version == ticket.version + 2


async def test_what_a_trigger_has_made_of_it_is_not_taken_for_what_was_sent(
    process: Process,
) -> None:
    await process.database.fetch(
        """create function reopen() returns trigger language plpgsql as $$
               begin
                   if new.message_count > old.message_count then new.status := 'in_progress'; end if;
                   return new;
               end $$"""
    )
    await process.database.fetch(
        "create trigger platform before update on tickets for each row execute function reopen()"
    )
    ticket = await process.ticket()
    await process.desk.read(ticket.id, by=ADMIN)
    await process.reply(ticket.id, ADMIN, "An answer.")

    assert process.tickets.remembered(ticket.id) is None
    await process.desk.read(ticket.id, by=Actor.user(ticket.user_id))
    assert (await process.tickets.get(ticket.id)).status is Status.IN_PROGRESS


async def test_a_ticket_that_is_gone_is_not_found_though_it_is_remembered(process: Process) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.reply(ticket.id, ADMIN)
    await process.database.fetch("delete from ticket_messages")
    await process.database.fetch("delete from tickets")

    for doing in (
        process.desk.read(ticket.id, by=owner),
        process.reply(ticket.id, owner),
        process.desk.mark_unread(ticket.id, by=owner),
    ):
        with pytest.raises(TicketNotFound):
            await doing


async def test_nothing_is_remembered_while_it_is_not_certain_that_the_database_is_the_same(
    process: Process,
) -> None:
    ticket = await process.ticket()
    assert process.tickets.remembered(ticket.id) is not None

    process.time.seconds += CURRENT_SECONDS
    assert process.tickets.remembered(ticket.id) is None
    assert await process.asks(process.reply(ticket.id, ADMIN)) == 2

    await until(lambda: process.tickets.remembered(ticket.id) is not None)
    assert await kill_listeners(process) == 1
    await until(lambda: not process.listener.is_connected())
    await until(process.listener.is_current)
    assert process.tickets.remembered(ticket.id) is None


async def test_what_may_have_been_saved_is_not_remembered_as_it_was(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await process.ticket()
    fetchrow = process.database.fetchrow

    async def loses_the_answer(query: str, *args: object) -> None:
        await fetchrow(query, *args)
        raise StoreUnavailable

    monkeypatch.setattr(process.database, "fetchrow", loses_the_answer)
    with pytest.raises(StoreUnavailable):
        await process.reply(ticket.id, ADMIN)

    assert process.tickets.remembered(ticket.id) is None


async def test_many_at_once_lose_and_double_nothing(processes: tuple[Process, Process]) -> None:
    here, there = processes
    ticket = await here.ticket()
    owner = Actor.user(ticket.user_id)
    texts = [f"Message {number}." for number in range(40)]

    await asyncio.gather(
        *(
            (here if number % 2 else there).reply(
                ticket.id, owner if number % 3 else ADMIN, texts[number]
            )
            for number in range(40)
        ),
        *(here.desk.read(ticket.id, by=owner) for _ in range(5)),
        *(there.desk.read(ticket.id, by=ADMIN) for _ in range(5)),
    )

    assert sorted((await here.texts(ticket.id))[1:]) == sorted(texts)
    kept = await there.tickets.get(ticket.id)
    assert kept.message_count == 41


def remembered(most: int = 2) -> RememberedTickets:
    listener = Listener("postgresql://nowhere")
    listener.is_current = lambda: True  # type: ignore[method-assign]
    return RememberedTickets(listener, most=most)


async def test_an_older_state_does_not_replace_a_later_one(postgres_world: PostgresWorld) -> None:
    older = await postgres_world.ticket()
    await postgres_world.reply(older.id, ADMIN)
    later = await postgres_world.tickets.get(older.id)
    memory = remembered()

    memory.put(later, later.version)
    memory.put(older, older.version)

    assert memory.get(older.id) == later
    memory.forget(older.id)
    memory.put(older, older.version)
    assert memory.get(older.id) == older


async def test_what_is_given_is_a_copy(postgres_world: PostgresWorld) -> None:
    ticket = await postgres_world.ticket()
    memory = remembered()
    memory.put(ticket, ticket.version)

    given = memory.get(ticket.id)
    assert given is not None
    given.reply("Changed my mind.", by=ADMIN, at=ticket.updated_at)

    assert memory.get(ticket.id) == ticket


async def test_only_so_many_are_remembered(postgres_world: PostgresWorld) -> None:
    memory = remembered(most=2)
    tickets = [await postgres_world.ticket() for _ in range(3)]
    for ticket in tickets:
        memory.put(ticket, ticket.version)

    assert [memory.get(ticket.id) for ticket in tickets] == [None, *tickets[1:]]
