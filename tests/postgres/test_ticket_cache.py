"""Tickets as a process last saw them: a statement less for each decision, and never a wrong one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.postgres.processes import Process, kill_listeners
from tests.postgres.waiting import until
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.caching.ticket_cache import PostgresTicketCache
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS, Listener
from tickets.domain.errors import StaleTicket, StoreUnavailable, TicketClosed, TicketNotFound
from tickets.domain.people import Actor
from tickets.domain.ticket import Status, Ticket


async def test_a_reply_to_what_was_shown_and_opening_what_was_answered_are_one_statement_each(
    process: Process,
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.service.read(ticket.id, by=ADMIN)

    assert await process.asks(process.reply(ticket.id, ADMIN, "An answer.")) == 1
    assert await process.asks(process.service.read(ticket.id, by=owner)) == 1
    assert await process.asks(process.reply(ticket.id, owner, "Thank you.")) == 1
    assert await process.asks(process.service.acknowledge(ticket.id, 3, by=ADMIN)) == 1
    assert await process.asks(process.service.mark_unread(ticket.id, by=owner)) == 1
    assert await process.asks(process.service.change_status(ticket.id, "closed", by=ADMIN)) == 1

    assert await process.texts(ticket.id) == [
        "It stops after the first hundred rows.",
        "An answer.",
        "Thank you.",
    ]
    stored = await process.tickets.get(ticket.id)
    assert (stored.status, stored.message_count, stored.last_message) == (
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
    await there.service.change_status(ticket.id, "closed", by=ADMIN)
    with pytest.raises(TicketClosed):
        await here.reply(ticket.id, owner, "Too late.")
    await here.service.change_status(ticket.id, "open", by=ADMIN)
    await there.reply(ticket.id, owner, "In time.")


@pytest.mark.parametrize(
    "change",
    [
        "update tickets set status = 'closed'",
        "update tickets set status = 'closed', version = version + 1",
        "update tickets set status = 'closed', version = 1",
    ],
)
async def test_what_somebody_has_done_at_a_console_is_not_undone(
    process: Process, change: str
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.service.read(ticket.id, by=owner)
    await process.database.fetch(change)

    with pytest.raises(TicketClosed):
        await process.reply(ticket.id, owner)

    assert (await process.tickets.get(ticket.id)).status is Status.CLOSED


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "'closed'"),
        ("priority", "'high'"),
        ("user_unread", "not user_unread"),
        ("admin_unread", "not admin_unread"),
        ("message_count", "7"),
        ("last_message", "'Edited.'"),
        ("updated_at", "now()"),
        ("updated_at", "updated_at"),
        ("version", "version"),
        ("version", "version - 1"),
        ("version", "1"),
    ],
)
async def test_what_somebody_has_done_at_a_console_makes_what_was_loaded_before_stale(
    postgres_world: PostgresWorld, column: str, value: str
) -> None:
    world = postgres_world
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    ticket = await world.tickets.get(ticket.id)
    await world.database.fetch(f"update tickets set {column} = {value}")  # noqa: S608 - written above
    before = await world.tickets.get(ticket.id)
    assert before.version == ticket.version + 1

    ticket.reply("Is anybody there?", by=ADMIN, at=world.clock.now())
    with pytest.raises(StaleTicket):
        await world.tickets.save(ticket)

    assert await world.tickets.get(ticket.id) == before
    # what the service changes is one version and not two
    await world.service.mark_unread(ticket.id, by=ADMIN)
    await world.service.acknowledge(ticket.id, before.message_count, by=ADMIN)
    after = await world.tickets.get(ticket.id)
    assert after.version - before.version == 2 - before.admin_unread


@pytest.mark.parametrize(
    "change",
    [
        "new.status := 'in_progress'",
        "new.user_unread := true",
        "new.admin_unread := true",
        "new.message_count := new.message_count + 1",
        "new.last_message := upper(new.last_message)",
        "new.updated_at := new.updated_at + interval '1 second'",
        "new.version := new.version + 1",
        "new.user_id := (select max(id) from users)",
    ],
)
async def test_what_a_trigger_has_made_of_it_is_not_taken_for_what_was_sent(
    process: Process, change: str
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.user()
    await process.reply(ticket.id, ADMIN, "An answer.")
    await process.database.fetch(
        f"create function meddle() returns trigger language plpgsql as $$ begin {change}; return new; end $$"
    )
    await process.database.fetch(
        "create trigger platform before update on tickets for each row execute function meddle()"
    )

    async def remembers_nothing_wrong() -> Ticket:
        remembered = process.ticket_cache.get(ticket.id)
        stored = await process.tickets.get(ticket.id)
        assert remembered in (None, stored)
        return stored

    # with a message, without one, and with the thread
    await process.reply(ticket.id, ADMIN, "Another.")
    stored = await remembers_nothing_wrong()
    stored.user_unread, stored.admin_unread = False, False
    await process.tickets.save(stored)
    stored = await remembers_nothing_wrong()
    stored.user_unread, stored.admin_unread = False, True
    await process.tickets.save_with_thread(stored)
    stored = await remembers_nothing_wrong()
    if stored.user_id != owner.user_id:
        with pytest.raises(TicketNotFound):
            await process.service.read(ticket.id, by=owner)


@pytest.mark.parametrize(
    "gone",
    [
        "truncate tickets, ticket_messages restart identity cascade",
        "delete from ticket_messages; delete from tickets; alter sequence tickets_id_seq restart",
    ],
)
async def test_a_ticket_that_comes_again_as_somebody_elses_is_not_shown_to_who_had_it(
    processes: tuple[Process, Process], gone: str
) -> None:
    here, there = processes
    mine = await here.ticket()
    me = Actor.user(mine.user_id)
    await here.reply(mine.id, ADMIN)
    await here.tickets.get(mine.id)
    for statement in gone.split(";"):
        await there.database.fetch(statement)
    somebody = await there.user("somebody@else.example.com")
    theirs = await there.ticket(somebody, message="It is nobody else's business.")
    await there.reply(theirs.id, ADMIN)
    assert theirs.id == mine.id
    before = await there.snapshot()

    # at once, before anything may have been heard
    with pytest.raises(TicketNotFound):
        await here.service.read(mine.id, by=me)
    with pytest.raises(TicketNotFound):
        await here.reply(mine.id, me)
    with pytest.raises(TicketNotFound):
        await here.service.mark_unread(mine.id, by=me)
    with pytest.raises(TicketNotFound):
        await here.service.acknowledge(mine.id, 2, by=me)

    assert await there.snapshot() == before


async def test_a_ticket_that_is_another_users_by_now_is_stale_whatever_its_version(
    postgres_world: PostgresWorld,
) -> None:
    tickets = postgres_world.tickets
    ticket = await postgres_world.ticket()
    before = await postgres_world.snapshot()
    ticket.user_id = await postgres_world.user() - 1000

    with pytest.raises(StaleTicket):
        await tickets.save(ticket)
    with pytest.raises(StaleTicket):
        await tickets.save_with_thread(ticket)
    ticket.reply("Mine?", by=ADMIN, at=postgres_world.clock.now())
    with pytest.raises(StaleTicket):
        await tickets.save(ticket)

    assert (await postgres_world.snapshot())["tickets"] == before["tickets"]
    assert (await postgres_world.snapshot())["ticket_messages"] == before["ticket_messages"]


async def test_tickets_that_go_are_heard_of(process: Process) -> None:
    ticket = await process.ticket()
    other = await process.ticket()
    await process.database.fetch("delete from ticket_messages where ticket_id = $1", other.id)
    await process.database.fetch("delete from tickets where id = $1", other.id)

    await until(lambda: process.ticket_cache.get(ticket.id) is None)


async def test_a_ticket_that_is_gone_is_not_found_though_it_is_remembered(process: Process) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.reply(ticket.id, ADMIN)
    await process.database.fetch("delete from ticket_messages")
    await process.database.fetch("delete from tickets")

    with pytest.raises(TicketNotFound):
        await process.service.read(ticket.id, by=owner)
    with pytest.raises(TicketNotFound):
        await process.reply(ticket.id, owner)
    with pytest.raises(TicketNotFound):
        await process.service.mark_unread(ticket.id, by=owner)


async def test_nothing_is_remembered_while_it_is_not_certain_that_the_database_is_the_same(
    process: Process,
) -> None:
    ticket = await process.ticket()
    assert process.ticket_cache.get(ticket.id) is not None

    process.time.seconds += CAUGHT_UP_SECONDS
    assert process.ticket_cache.get(ticket.id) is None
    assert await process.asks(process.reply(ticket.id, ADMIN)) == 2

    await until(lambda: process.ticket_cache.get(ticket.id) is not None)
    assert await kill_listeners(process) == 1
    await until(lambda: not process.listener.is_connected())
    await until(process.listener.is_caught_up)
    assert process.ticket_cache.get(ticket.id) is None


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

    assert process.ticket_cache.get(ticket.id) is None


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
        *(here.service.read(ticket.id, by=owner) for _ in range(5)),
        *(there.service.read(ticket.id, by=ADMIN) for _ in range(5)),
    )

    assert sorted((await here.texts(ticket.id))[1:]) == sorted(texts)
    stored = await there.tickets.get(ticket.id)
    assert stored.message_count == 41


def remembered(max_entries: int = 2) -> PostgresTicketCache:
    listener = Listener("postgresql://nowhere")
    listener.is_caught_up = lambda: True  # type: ignore[method-assign]
    return PostgresTicketCache(listener, max_entries=max_entries)


async def test_an_older_state_does_not_replace_a_later_one(postgres_world: PostgresWorld) -> None:
    older = await postgres_world.ticket()
    await postgres_world.reply(older.id, ADMIN)
    later = await postgres_world.tickets.get(older.id)
    memory = remembered()

    memory.put(later, later.version, memory.generation)
    memory.put(older, older.version, memory.generation)

    assert memory.get(older.id) == later
    repaired = replace(later, status=Status.CLOSED)
    memory.put(repaired, later.version, memory.generation)
    assert memory.get(older.id) == repaired
    memory.invalidate(older.id)
    memory.put(older, older.version, memory.generation)
    assert memory.get(older.id) == older


async def test_what_is_given_is_a_copy(postgres_world: PostgresWorld) -> None:
    ticket = await postgres_world.ticket()
    memory = remembered()
    memory.put(ticket, ticket.version, memory.generation)

    given = memory.get(ticket.id)
    assert given is not None
    given.reply("Changed my mind.", by=ADMIN, at=ticket.updated_at)

    assert memory.get(ticket.id) == ticket


async def test_only_so_many_are_remembered(postgres_world: PostgresWorld) -> None:
    memory = remembered(max_entries=2)
    tickets = [await postgres_world.ticket() for _ in range(3)]
    for ticket in tickets:
        memory.put(ticket, ticket.version, memory.generation)

    assert [memory.get(ticket.id) for ticket in tickets] == [None, *tickets[1:]]


async def test_what_was_asked_for_before_everything_was_forgotten_is_not_remembered(
    process: Process,
) -> None:
    ticket = await process.ticket()
    memory = PostgresTicketCache(process.listener)
    generation = memory.generation
    assert await kill_listeners(process) == 1
    await until(lambda: not process.listener.is_connected())
    await until(process.listener.is_caught_up)

    memory.put(ticket, ticket.version, generation)
    assert memory.get(ticket.id) is None
    memory.put(ticket, ticket.version, memory.generation)
    assert memory.get(ticket.id) == ticket


async def test_without_a_listener_nothing_is_remembered(postgres_world: PostgresWorld) -> None:
    ticket = await postgres_world.ticket()

    assert postgres_world.ticket_cache.get(ticket.id) is None
