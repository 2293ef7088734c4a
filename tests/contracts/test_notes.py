"""The port `Notes` on every adapter, and its use cases."""

from __future__ import annotations

import asyncio

import pytest

from tests.world import ADMIN, START, World
from tickets.domain import note as limits
from tickets.domain.errors import NotAllowed, NotesFull, StaleTicket, TicketNotFound
from tickets.domain.idempotency import IdempotencyKey, StoredResponse
from tickets.domain.note import Note
from tickets.domain.people import Actor


def a_note(text: str = "Called them.", by: Actor = ADMIN) -> Note:
    return Note.written(text, by=by, at=START)


def a_key(value: str = "a-key") -> IdempotencyKey:
    return IdempotencyKey(ADMIN, value, b"x" * 32)


async def test_a_note_is_stored_with_its_author_as_named_then(world: World) -> None:
    ticket, nadia = await world.ticket(), await world.admin("Nadia")
    written = [
        await world.notes.add(ticket.id, a_note("One\n<b>&", by=Actor.named(nadia))),
        await world.notes.add(ticket.id, a_note("Two 🎫")),
    ]
    await world.disable(nadia)

    page = await world.notes.page(ticket.id)

    assert list(page.notes) == written
    assert [note.admin for note in page.notes] == [nadia, None]
    assert page.previous is None
    assert written[0].id < written[1].id


async def test_a_note_changes_nothing_else(world: World) -> None:
    ticket = await world.ticket()
    before = await world.snapshot()

    await world.notes.add(ticket.id, a_note())

    after = await world.snapshot()
    changed = {name for name in before if before[name] != after[name]}
    assert changed in ({"notes"}, {"ticket_notes"})


async def test_notes_of_one_ticket_are_paged_oldest_first(world: World) -> None:
    ticket, other = await world.ticket(), await world.ticket()
    for number in range(7):
        await world.notes.add(ticket.id, a_note(f"{number}"))
        await world.notes.add(other.id, a_note("of another ticket"))
    pages, before = [], None
    while True:
        page = await world.notes.page(ticket.id, before=before, limit=3)
        pages.append([note.note for note in page.notes])
        if page.previous is None:
            break
        before = page.previous + 1

    assert pages == [["4", "5", "6"], ["1", "2", "3"], ["0"]]
    assert list((await world.notes.page(ticket.id, before=1)).notes) == []


@pytest.mark.parametrize("ticket_id", [0, -1, 999_999, 2**31 - 1, 2**31, 2**63, 10**30])
async def test_an_unknown_ticket_has_no_notes_and_takes_none(world: World, ticket_id: int) -> None:
    with pytest.raises(TicketNotFound):
        await world.notes.add(ticket_id, a_note())
    page = await world.notes.page(ticket_id)
    assert (list(page.notes), page.previous) == ([], None)


async def test_a_ticket_takes_a_bounded_number_of_notes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("adapters.memory.notes", "adapters.postgres.repositories.notes"):
        monkeypatch.setattr(f"tickets.{module}.MAX_NOTES", 3)
    assert limits.MAX_NOTES == 1_000
    ticket, other = await world.ticket(), await world.ticket()
    for _ in range(3):
        await world.notes.add(ticket.id, a_note())

    with pytest.raises(NotesFull):
        await world.notes.add(ticket.id, a_note(), StoredResponse(a_key(), a_note(), at=START))

    assert await world.idempotency_store.find(a_key(), Note, since=START) is None
    await world.notes.add(other.id, a_note())


async def test_the_stored_response_has_the_id_of_the_note(world: World) -> None:
    ticket, nadia = await world.ticket(), await world.admin("Nadia")
    note = a_note(by=Actor.named(nadia))

    stored = await world.notes.add(ticket.id, note, StoredResponse(a_key(), note, at=START))

    assert await world.idempotency_store.find(a_key(), Note, since=START) == stored


async def test_a_note_with_a_key_that_has_a_response_is_stale_and_not_stored(world: World) -> None:
    ticket = await world.ticket()
    response = StoredResponse(a_key(), a_note(), at=START)
    await world.notes.add(ticket.id, a_note(), response)

    with pytest.raises(StaleTicket):
        await world.notes.add(ticket.id, a_note(), response)

    assert len((await world.notes.page(ticket.id)).notes) == 1


async def test_twenty_concurrent_requests_with_one_key_write_one_note(world: World) -> None:
    ticket = await world.ticket()

    written = await asyncio.gather(
        *(
            world.note_service.add(ticket.id, "Called.", by=ADMIN, idempotency_key=a_key())
            for _ in range(20)
        )
    )

    assert len({note.id for note in written}) == 1
    assert len((await world.notes.page(ticket.id)).notes) == 1


async def test_users_neither_write_nor_read_notes(world: World) -> None:
    ticket = await world.ticket()
    owner = Actor.user(ticket.user_id)

    with pytest.raises(NotAllowed):
        await world.note_service.add(ticket.id, "Mine.", by=owner)
    with pytest.raises(NotAllowed):
        await world.note_service.page(ticket.id, by=owner)
