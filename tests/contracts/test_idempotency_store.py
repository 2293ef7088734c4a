"""The port `IdempotencyStore`, and stored responses in `Tickets`, on every adapter.

A change and its stored response are stored together, or neither is.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from tests.world import ADMIN, START, World, rows_of
from tickets.application.key_expiry import KeyExpiry
from tickets.domain.errors import (
    IdempotencyKeyReused,
    ResponseErased,
    StaleTicket,
    TicketClosed,
)
from tickets.domain.idempotency import KEY_LIFETIME, IdempotencyKey, Result, StoredResponse
from tickets.domain.message import Message
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.read_models import UserRow
from tickets.domain.ticket import Status, Ticket
from tickets.domain.write_context import WriteContext

LONG_AGO = START - timedelta(days=30)


def new_message(ticket: Ticket) -> Message:
    assert ticket.new_message is not None
    return ticket.new_message


def a_key(request: str = "something", *, by: Actor = ADMIN, value: str = "a-key") -> IdempotencyKey:
    return IdempotencyKey(by, value, sha256(request.encode()).digest())


@pytest.mark.parametrize(
    ("result", "kind"), [(Status.RESOLVED, Status), (True, bool), (False, bool)]
)
async def test_a_stored_response_is_found_by_its_key(
    world: World, result: Any, kind: type[Status]
) -> None:
    await world.idempotency_store.store(StoredResponse(a_key(), result, START))

    found = await world.idempotency_store.find(a_key(), kind, since=START)

    assert found == result
    assert type(found) is type(result)


async def test_nothing_is_found_for_an_unknown_key(world: World) -> None:
    await world.idempotency_store.store(StoredResponse(a_key(), result=True, at=START))

    for other in (
        a_key(value="another-key"),
        a_key(by=Actor.user(1)),
        a_key(value="a-key "),
        a_key(value="A-KEY"),
    ):
        assert await world.idempotency_store.find(other, bool, since=LONG_AGO) is None


async def test_a_key_is_refused_with_another_request(world: World) -> None:
    await world.idempotency_store.store(StoredResponse(a_key("this"), result=True, at=START))

    with pytest.raises(IdempotencyKeyReused):
        await world.idempotency_store.find(a_key("that"), bool, since=LONG_AGO)
    # the refusal has not replaced the stored response
    assert await world.idempotency_store.find(a_key("this"), bool, since=LONG_AGO) is True


async def test_a_key_whose_response_was_erased_does_not_take_effect_again(world: World) -> None:
    """Contract: a repeated request whose stored answer has been erased is a 410."""
    ticket = await world.ticket()
    key = a_key("reply")
    await world.service.reply(ticket.id, "Only once.", by=ADMIN, idempotency_key=key)

    await world.erase_responses()

    with pytest.raises(ResponseErased):
        await world.service.reply(ticket.id, "Only once.", by=ADMIN, idempotency_key=key)
    with pytest.raises(IdempotencyKeyReused):
        await world.idempotency_store.find(a_key("other"), Message, since=LONG_AGO)
    assert len(await world.texts(ticket.id)) == 2
    # the key lasts for a day, as it does with its response
    later = START + timedelta(days=30)
    assert await world.idempotency_store.find(key, Message, since=later) is None


async def test_two_users_may_use_the_same_key(world: World) -> None:
    mara, jon = a_key(by=Actor.user(1)), a_key(by=Actor.user(11))
    await world.idempotency_store.store(StoredResponse(mara, result=True, at=START))
    await world.idempotency_store.store(StoredResponse(jon, result=False, at=START))

    assert await world.idempotency_store.find(mara, bool, since=START) is True
    assert await world.idempotency_store.find(jon, bool, since=START) is False


async def test_two_admins_and_the_team_may_use_the_same_key(world: World) -> None:
    nadia, omar = (Actor.named(NamedAdmin(number, "Nadia")) for number in (1, 11))
    callers = {ADMIN: Status.OPEN, nadia: Status.RESOLVED, omar: Status.CLOSED}
    for caller, status in callers.items():
        await world.idempotency_store.store(StoredResponse(a_key(by=caller), status, at=START))

    find = world.idempotency_store.find
    assert [await find(a_key(by=by), Status, since=START) for by in callers] == [*callers.values()]


async def test_the_key_of_an_admin_stays_valid_when_the_admin_is_renamed(world: World) -> None:
    before, after = (Actor.named(NamedAdmin(1, name)) for name in ("Nadia", "Nadia B."))
    await world.idempotency_store.store(StoredResponse(a_key(by=before), Status.OPEN, at=START))

    find = world.idempotency_store.find
    assert await find(a_key(by=after), Status, since=START) is Status.OPEN


async def test_a_second_response_for_a_key_is_stale(world: World) -> None:
    await world.idempotency_store.store(StoredResponse(a_key(), result=True, at=START))

    with pytest.raises(StaleTicket):
        await world.idempotency_store.store(StoredResponse(a_key(), result=False, at=START))
    assert await world.idempotency_store.find(a_key(), bool, since=START) is True


async def test_an_expired_key_may_be_used_again(world: World) -> None:
    await world.idempotency_store.store(StoredResponse(a_key("this"), result=True, at=START))
    later = START + timedelta(microseconds=1)

    assert await world.idempotency_store.find(a_key("that"), bool, since=later) is None
    await world.idempotency_store.store(StoredResponse(a_key("that"), result=False, at=later))

    assert await world.idempotency_store.find(a_key("that"), bool, since=later) is False


async def test_expired_keys_are_deleted_in_batches_oldest_first(world: World) -> None:
    for minute in range(5):
        stored_response = StoredResponse(
            a_key(value=f"{minute}"), result=True, at=START + timedelta(minutes=minute)
        )
        await world.idempotency_store.store(stored_response)
    until = START + timedelta(minutes=4)

    assert await world.idempotency_store.delete_before(until, limit=3) == 3
    assert await world.idempotency_store.delete_before(until, limit=3) == 1
    assert await world.idempotency_store.delete_before(until, limit=3) == 0

    left = [
        key
        for key in "01234"
        if await world.idempotency_store.find(a_key(value=key), bool, since=LONG_AGO)
    ]
    assert left == ["4"]


async def test_the_stored_response_of_a_new_ticket_is_the_ticket_as_it_was_opened(
    world: World,
) -> None:
    user = Actor.user(await world.user())
    idempotency_key = a_key(by=user)
    new = Ticket.open(
        by=user,
        category="other",
        other_category="Præs \U0001f5de",
        subject="Wörds & <b>markup</b>",
        message='Line one\nline "two" \\ \u2028 three',
        at=START + timedelta(microseconds=120),
    )

    added = await world.tickets.add(new, WriteContext(StoredResponse(idempotency_key, new, START)))
    await world.reply(added.id, ADMIN)
    await world.service.change_status(added.id, "closed", by=ADMIN)

    assert await world.idempotency_store.find(idempotency_key, Ticket, since=START) == added


async def test_the_stored_response_of_a_reply_has_the_id_of_the_message(world: World) -> None:
    ticket = await world.ticket()
    ticket.reply("We are on it.", by=ADMIN, at=START)
    stored_response = StoredResponse(a_key(), new_message(ticket), START)

    stored = await world.tickets.save(ticket, WriteContext(stored_response))
    await world.reply(ticket.id, ADMIN)

    assert await world.idempotency_store.find(a_key(), Message, since=START) == stored
    assert stored is not None
    assert stored.id > 0


async def test_a_stale_save_stores_no_response(world: World) -> None:
    ticket = await world.ticket()
    stale = await world.tickets.get(ticket.id)
    await world.reply(ticket.id, ADMIN)
    stale.change_status(Status.RESOLVED, by=ADMIN, at=START)

    with pytest.raises(StaleTicket):
        await world.tickets.save(
            stale, WriteContext(StoredResponse(a_key(), Status.RESOLVED, START))
        )

    assert await world.idempotency_store.find(a_key(), Status, since=LONG_AGO) is None


async def test_a_save_with_a_key_that_has_a_response_is_stale_and_stores_nothing(
    world: World,
) -> None:
    ticket = await world.ticket()
    await world.idempotency_store.store(StoredResponse(a_key(), Status.RESOLVED, START))
    fresh = await world.tickets.get(ticket.id)
    fresh.reply("Twice?", by=ADMIN, at=START)

    with pytest.raises(StaleTicket):
        await world.tickets.save(
            fresh, WriteContext(StoredResponse(a_key(), new_message(fresh), START))
        )

    assert await world.tickets.get(ticket.id) == ticket
    assert len(await world.texts(ticket.id)) == 1


async def test_a_new_ticket_with_a_key_that_has_a_response_is_stale_and_not_stored(
    world: World,
) -> None:
    ticket = await world.ticket()
    new = replace(ticket, id=0, message_count=0, new_message=None)
    new.reply("The same again.", by=Actor.user(ticket.user_id), at=START)
    idempotency_key = a_key(by=Actor.user(ticket.user_id))
    await world.idempotency_store.store(StoredResponse(idempotency_key, result=True, at=START))

    with pytest.raises(StaleTicket):
        await world.tickets.add(new, WriteContext(StoredResponse(idempotency_key, new, START)))

    page = await world.views.user_list(ticket.user_id, status=None, after=None, limit=10)
    assert [row.id for row in rows_of(page, UserRow)] == [ticket.id]


async def test_fifty_concurrent_requests_with_one_key_take_effect_once(world: World) -> None:
    user_id = await world.user()
    idempotency_key = a_key(by=Actor.user(user_id))

    async def open_ticket() -> Ticket:
        return await world.service.open(
            by=Actor.user(user_id),
            category="support",
            other_category=None,
            subject="Only once",
            message="However often it is sent.",
            idempotency_key=idempotency_key,
        )

    responses = await asyncio.gather(*(open_ticket() for _ in range(50)))

    assert len({response.id for response in responses}) == 1
    assert all(response == responses[0] for response in responses)
    page = await world.views.user_list(user_id, status=None, after=None, limit=10)
    assert [row.id for row in rows_of(page, UserRow)] == [responses[0].id]
    assert await world.texts(responses[0].id) == ["However often it is sent."]


async def test_one_key_on_two_tickets_concurrently_changes_only_one_of_them(world: World) -> None:
    first, second = await world.ticket(), await world.ticket()

    async def reply_to(ticket: Ticket) -> object:
        idempotency_key = a_key(f"reply to {ticket.id}")
        try:
            return await world.service.reply(
                ticket.id, "Which one?", by=ADMIN, idempotency_key=idempotency_key
            )
        except IdempotencyKeyReused as error:
            return error

    outcomes = await asyncio.gather(reply_to(first), reply_to(second))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "IdempotencyKeyReused",
        "Message",
    ]
    counts = [len(await world.texts(ticket.id)) for ticket in (first, second)]
    assert sorted(counts) == [1, 2]


async def test_the_response_of_a_reply_is_replayed_though_the_ticket_is_closed_by_now(
    world: World,
) -> None:
    ticket = await world.ticket()
    user = Actor.user(ticket.user_id)
    idempotency_key = a_key(by=user)
    first = await world.service.reply(
        ticket.id, "Thank you!", by=user, idempotency_key=idempotency_key
    )
    await world.service.change_status(ticket.id, "closed", by=ADMIN)

    assert (
        await world.service.reply(ticket.id, "Thank you!", by=user, idempotency_key=idempotency_key)
        == first
    )
    with pytest.raises(TicketClosed):
        await world.service.reply(
            ticket.id, "Thank you!", by=user, idempotency_key=a_key(by=user, value="new")
        )


async def test_a_request_that_changed_nothing_is_replayed_and_still_changes_nothing(
    world: World,
) -> None:
    ticket = await world.ticket(status=Status.OPEN)
    reader = Actor.user(ticket.user_id)

    async def three_requests() -> list[Result]:
        return [
            await world.service.change_status(
                ticket.id, "open", by=ADMIN, idempotency_key=a_key("open", value="1")
            ),
            await world.service.acknowledge(
                ticket.id, 1, by=reader, idempotency_key=a_key("read", by=reader, value="2")
            ),
            await world.service.acknowledge(
                ticket.id, 0, by=ADMIN, idempotency_key=a_key("read", value="3")
            ),
        ]

    first = await three_requests()
    await world.service.change_status(ticket.id, "resolved", by=ADMIN)
    await world.service.mark_unread(ticket.id, by=reader)
    await world.service.acknowledge(ticket.id, 1, by=ADMIN)
    before = await world.tickets.get(ticket.id)

    assert await three_requests() == first == [Status.OPEN, False, True]
    assert await world.tickets.get(ticket.id) == before


async def test_a_key_takes_effect_again_after_its_lifetime_of_a_day(world: World) -> None:
    ticket = await world.ticket()
    first = await world.service.reply(ticket.id, "Any news?", by=ADMIN, idempotency_key=a_key())
    world.clock.pass_time(seconds=KEY_LIFETIME.total_seconds() - 60)
    assert (
        await world.service.reply(ticket.id, "Any news?", by=ADMIN, idempotency_key=a_key())
        == first
    )

    world.clock.pass_time(minutes=2)
    second = await world.service.reply(ticket.id, "Any news?", by=ADMIN, idempotency_key=a_key())

    assert second.id != first.id
    assert (
        await world.service.reply(ticket.id, "Any news?", by=ADMIN, idempotency_key=a_key())
        == second
    )


async def test_key_expiry_deletes_more_keys_than_one_batch_and_no_recent_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.application.key_expiry.BATCH_SIZE", 2)
    for number in range(5):
        await world.idempotency_store.store(
            StoredResponse(a_key(value=f"{number}"), result=True, at=world.clock.now())
        )
    world.clock.pass_time(days=1, minutes=1)
    await world.idempotency_store.store(
        StoredResponse(a_key(value="today"), result=True, at=world.clock.now())
    )

    assert await KeyExpiry(world.idempotency_store, world.clock).delete_expired() == 5

    assert await world.idempotency_store.find(a_key(value="today"), bool, since=LONG_AGO) is True
    assert await world.idempotency_store.find(a_key(value="0"), bool, since=LONG_AGO) is None
