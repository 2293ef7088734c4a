"""The port `SavedReplies` on every adapter, and its use cases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.world import ADMIN, START, World
from tickets.domain import saved_reply as limits
from tickets.domain.errors import NotAllowed, SavedRepliesFull, SavedReplyNotFound, StaleTicket
from tickets.domain.idempotency import IdempotencyKey, StoredResponse
from tickets.domain.people import Actor
from tickets.domain.saved_reply import SavedReply


def a_reply(title: str = "Refund", text: str = "Dear {{customer}} 🎫\n<b>&") -> SavedReply:
    return SavedReply.written(title, text, by=ADMIN, at=START)


def a_key(value: str = "a-key") -> IdempotencyKey:
    return IdempotencyKey(ADMIN, value, b"x" * 32)


async def test_saved_replies_are_listed_by_title(world: World) -> None:
    added = [await world.saved_replies.add(a_reply(title)) for title in ("b", "C", "a", "B")]

    listed = list(await world.saved_replies.all())

    assert [reply.title for reply in listed] == ["a", "b", "B", "C"]
    assert sorted(listed, key=lambda reply: reply.id) == added


async def test_a_saved_reply_is_changed_and_deleted(world: World) -> None:
    first, other = [await world.saved_replies.add(a_reply(title)) for title in ("a", "b")]

    changed = replace(first, title="A", text="New.")
    await world.saved_replies.change(changed)
    assert list(await world.saved_replies.all()) == [changed, other]

    await world.saved_replies.delete(first.id)
    assert list(await world.saved_replies.all()) == [other]
    with pytest.raises(SavedReplyNotFound):
        await world.saved_replies.delete(first.id)
    with pytest.raises(SavedReplyNotFound):
        await world.saved_replies.change(changed)


@pytest.mark.parametrize("saved_reply_id", [0, -1, 999_999, 2**31 - 1, 2**31, 2**63, 10**30])
async def test_an_unknown_id_is_not_found_however_large_it_is(
    world: World, saved_reply_id: int
) -> None:
    with pytest.raises(SavedReplyNotFound):
        await world.saved_replies.delete(saved_reply_id)
    with pytest.raises(SavedReplyNotFound):
        await world.saved_replies.change(replace(a_reply(), id=saved_reply_id))


async def test_there_is_a_bounded_number_of_saved_replies(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("adapters.memory.saved_replies", "adapters.postgres.repositories.saved_replies"):
        monkeypatch.setattr(f"tickets.{module}.MAX_SAVED_REPLIES", 2)
    assert limits.MAX_SAVED_REPLIES == 500
    first, _ = [await world.saved_replies.add(a_reply()) for _ in range(2)]

    with pytest.raises(SavedRepliesFull):
        await world.saved_replies.add(a_reply())

    await world.saved_replies.change(replace(first, title="Still possible"))
    await world.saved_replies.delete(first.id)
    await world.saved_replies.add(a_reply())


async def test_the_stored_response_has_the_id_of_a_new_saved_reply(world: World) -> None:
    response = StoredResponse(a_key(), a_reply(), at=START)

    stored = await world.saved_replies.add(a_reply(), response)

    assert await world.idempotency_store.find(a_key(), SavedReply, since=START) == stored
    with pytest.raises(StaleTicket):
        await world.saved_replies.add(a_reply(), response)
    assert list(await world.saved_replies.all()) == [stored]


async def test_a_change_with_a_key_that_has_a_response_is_stale_and_changes_nothing(
    world: World,
) -> None:
    stored = await world.saved_replies.add(a_reply())
    await world.idempotency_store.store(StoredResponse(a_key(), stored, at=START))
    response = StoredResponse(a_key(), stored, at=START)

    with pytest.raises(StaleTicket):
        await world.saved_replies.change(replace(stored, title="Another"), response)
    with pytest.raises(StaleTicket):
        await world.saved_replies.delete(stored.id, response)

    assert list(await world.saved_replies.all()) == [stored]


async def test_twenty_concurrent_requests_with_one_key_take_effect_once(world: World) -> None:
    service = world.saved_reply_service
    added = await asyncio.gather(
        *(service.add("a", "b", by=ADMIN, idempotency_key=a_key()) for _ in range(20))
    )
    assert len({reply.id for reply in added}) == 1

    # none of them is told that it is not there, as the first has just deleted it
    await asyncio.gather(
        *(service.delete(added[0].id, by=ADMIN, idempotency_key=a_key("2")) for _ in range(20))
    )

    assert list(await world.saved_replies.all()) == []
    with pytest.raises(SavedReplyNotFound):
        await service.delete(added[0].id, by=ADMIN, idempotency_key=a_key("3"))


async def test_users_have_no_saved_replies(world: World) -> None:
    owner, service = Actor.user(await world.user()), world.saved_reply_service
    stored = await world.saved_replies.add(a_reply())

    for refused in (
        service.all(by=owner),
        service.add("a", "b", by=owner),
        service.change(stored.id, "a", "b", by=owner),
        service.delete(stored.id, by=owner),
    ):
        with pytest.raises(NotAllowed):
            await refused
