"""The use cases of a ticket over the memory adapter: open, reply, read, change the status."""

from __future__ import annotations

import pytest

from tests.application.running import interrupted_service, run_sync
from tests.world import ADMIN, MemoryWorld, messages_of, texts_of
from tickets.application.attempt import MAX_ATTEMPTS
from tickets.application.tickets import TicketService
from tickets.domain.errors import InvalidInput, StaleTicket, TicketClosed, TicketNotFound
from tickets.domain.people import Actor
from tickets.domain.ticket import Status


def test_a_ticket_is_opened_answered_and_read(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)

    run_sync(world.service.read(ticket.id, by=ADMIN))
    answer = run_sync(world.service.reply(ticket.id, "Have you tried again?", by=ADMIN))
    detail = run_sync(world.service.read(ticket.id, by=owner))

    assert messages_of(detail)[-1] == answer
    assert run_sync(world.flags(ticket.id)) == (False, False)


def test_the_detail_of_a_ticket_shows_the_flags_after_reading(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())

    assert not run_sync(world.service.read(ticket.id, by=ADMIN)).ticket.admin_unread


def test_a_reply_that_arrives_during_a_read_is_in_its_response(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    service = interrupted_service(
        world, lambda: world.reply(ticket.id, owner, "Wait, one more thing.")
    )

    detail = run_sync(service.read(ticket.id, by=ADMIN))

    assert texts_of(detail)[-1] == "Wait, one more thing."
    assert run_sync(world.flags(ticket.id)) == (False, False)


def test_reading_a_ticket_that_is_already_read_writes_nothing(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    before = run_sync(world.tickets.get(ticket.id))

    run_sync(world.service.read(ticket.id, by=Actor.user(ticket.user_id)))

    assert run_sync(world.tickets.get(ticket.id)) == before


def test_reading_another_users_ticket_is_not_found_and_changes_nothing(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    run_sync(world.reply(ticket.id, ADMIN))

    with pytest.raises(TicketNotFound):
        run_sync(world.service.read(ticket.id, by=Actor.user(ticket.user_id + 1)))

    assert run_sync(world.flags(ticket.id)) == (True, True)


def test_two_concurrent_replies_are_both_stored(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    owner = Actor.user(ticket.user_id)
    service = interrupted_service(world, lambda: world.reply(ticket.id, owner, "first"))

    run_sync(service.reply(ticket.id, "second", by=ADMIN))

    assert run_sync(world.texts(ticket.id))[1:] == ["first", "second"]
    stored = run_sync(world.tickets.get(ticket.id))
    assert (stored.message_count, stored.last_message) == (3, "second")
    assert run_sync(world.flags(ticket.id)) == (True, True)


def test_a_reply_is_refused_if_the_ticket_is_closed_before_it_is_saved(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())
    service = interrupted_service(
        world, lambda: world.service.change_status(ticket.id, "closed", by=ADMIN)
    )

    with pytest.raises(TicketClosed):
        run_sync(service.reply(ticket.id, "too late", by=Actor.user(ticket.user_id)))

    assert len(run_sync(world.texts(ticket.id))) == 1


def test_a_stale_save_is_retried_a_bounded_number_of_times(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())

    def service(interruptions: int) -> TicketService:
        return interrupted_service(
            world, lambda: world.reply(ticket.id, ADMIN), times=interruptions
        )

    run_sync(service(MAX_ATTEMPTS - 1).reply(ticket.id, "made it", by=ADMIN))
    with pytest.raises(StaleTicket):
        run_sync(service(MAX_ATTEMPTS).reply(ticket.id, "did not", by=ADMIN))

    texts = run_sync(world.texts(ticket.id))
    assert texts.count("made it") == 1
    assert "did not" not in texts


def test_changing_to_the_same_status_changes_nothing(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket(status=Status.RESOLVED))

    status = run_sync(world.service.change_status(ticket.id, "resolved", by=ADMIN))

    assert status is Status.RESOLVED
    assert run_sync(world.tickets.get(ticket.id)) == ticket


def test_changing_to_an_unknown_status_is_invalid_input(world: MemoryWorld) -> None:
    ticket = run_sync(world.ticket())

    with pytest.raises(InvalidInput) as raised:
        run_sync(world.service.change_status(ticket.id, "done", by=ADMIN))

    assert [error.field for error in raised.value.errors] == ["status"]
