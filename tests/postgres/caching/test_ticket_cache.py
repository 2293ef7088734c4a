"""The ticket cache in the use cases: fewer statements, and never a decision on a stale ticket."""

from __future__ import annotations

import asyncio

import pytest

from tests.postgres.processes import Process, kill_listeners
from tests.postgres.waiting import until
from tests.world import ADMIN
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS
from tickets.domain.errors import StoreUnavailable, TicketClosed, TicketNotFound
from tickets.domain.people import Actor, Side
from tickets.domain.read_models import DetailRequest
from tickets.domain.ticket import Status, Ticket


async def test_use_cases_on_a_cached_ticket_send_one_statement_each(
    process: Process,
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.service.read(ticket.id, by=ADMIN)

    assert await process.statements_of(process.reply(ticket.id, ADMIN, "An answer.")) == 1
    assert await process.statements_of(process.service.read(ticket.id, by=owner)) == 1
    assert await process.statements_of(process.reply(ticket.id, owner, "Thank you.")) == 1
    assert await process.statements_of(process.service.acknowledge(ticket.id, 3, by=ADMIN)) == 1
    assert await process.statements_of(process.service.mark_unread(ticket.id, by=owner)) == 1
    assert (
        await process.statements_of(process.service.change_status(ticket.id, "closed", by=ADMIN))
        == 1
    )

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


async def test_a_save_detects_a_stale_cached_ticket_of_another_process(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    ticket = await here.ticket()
    owner = Actor.user(ticket.user_id)
    await here.tickets.get(ticket.id)
    await there.reply(ticket.id, ADMIN, "From there.")
    await there.reply(ticket.id, owner, "And back.")

    # a stale save, the one that also fills the outbox (as a channel may be on), a load, a save
    assert await here.statements_of(here.reply(ticket.id, ADMIN, "From here.")) == 4

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
async def test_a_change_by_another_program_is_not_overwritten_from_the_cache(
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
async def test_a_row_that_a_platforms_trigger_changed_is_not_cached_as_it_was_sent(
    process: Process, change: str
) -> None:
    ticket = await process.ticket()
    owner = Actor.user(ticket.user_id)
    await process.user()
    await process.reply(ticket.id, ADMIN, "An answer.")
    await process.database.fetch(
        f"""create function meddle() returns trigger
                language plpgsql as $$ begin {change}; return new; end $$"""
    )
    await process.database.fetch(
        """create trigger platform before update on tickets
               for each row execute function meddle()"""
    )

    async def cached_as_stored() -> Ticket:
        cached = process.ticket_cache.get(ticket.id)
        stored = await process.tickets.get(ticket.id)
        assert cached in (None, stored)
        return stored

    # the three statements: with a message, without one, and with the thread
    await process.reply(ticket.id, ADMIN, "Another.")
    stored = await cached_as_stored()
    stored.user_unread, stored.admin_unread = False, False
    await process.tickets.save(stored)
    stored = await cached_as_stored()
    stored.user_unread, stored.admin_unread = False, True
    await process.tickets.save_with_thread(stored, DetailRequest(Side.ADMIN, 200), shown_after=0)
    stored = await cached_as_stored()
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
async def test_a_cached_ticket_whose_id_is_reused_is_not_shown_to_its_former_owner(
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

    # at once, before any notification can have arrived
    with pytest.raises(TicketNotFound):
        await here.service.read(mine.id, by=me)
    with pytest.raises(TicketNotFound):
        await here.reply(mine.id, me)
    with pytest.raises(TicketNotFound):
        await here.service.mark_unread(mine.id, by=me)
    with pytest.raises(TicketNotFound):
        await here.service.acknowledge(mine.id, 2, by=me)

    assert await there.snapshot() == before


async def test_a_deleted_ticket_clears_the_cache(process: Process) -> None:
    ticket = await process.ticket()
    other = await process.ticket()
    await process.database.fetch("delete from ticket_messages where ticket_id = $1", other.id)
    await process.database.fetch("delete from tickets where id = $1", other.id)

    await until(lambda: process.ticket_cache.get(ticket.id) is None)


async def test_a_deleted_ticket_is_not_found_though_it_is_cached(process: Process) -> None:
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


async def test_no_cached_ticket_is_used_while_the_listener_is_behind_or_reconnects(
    process: Process,
) -> None:
    ticket = await process.ticket()
    assert process.ticket_cache.get(ticket.id) is not None

    process.time.seconds += CAUGHT_UP_SECONDS
    assert process.ticket_cache.get(ticket.id) is None
    assert await process.statements_of(process.reply(ticket.id, ADMIN)) == 2

    await until(lambda: process.ticket_cache.get(ticket.id) is not None)
    assert await kill_listeners(process) == 1
    await until(lambda: not process.listener.is_connected())
    await until(process.listener.is_caught_up)
    assert process.ticket_cache.get(ticket.id) is None


async def test_a_save_without_a_response_invalidates_the_cached_ticket(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await process.ticket()
    fetchrow = process.database.fetchrow

    async def lose_the_response(query: str, *args: object) -> None:
        await fetchrow(query, *args)
        raise StoreUnavailable

    monkeypatch.setattr(process.database, "fetchrow", lose_the_response)
    with pytest.raises(StoreUnavailable):
        await process.reply(ticket.id, ADMIN)

    assert process.ticket_cache.get(ticket.id) is None


async def test_concurrent_replies_through_two_caches_are_each_stored_once(
    processes: tuple[Process, Process],
) -> None:
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
