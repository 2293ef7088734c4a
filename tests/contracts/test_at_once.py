"""What several people do to one ticket at the same moment, on every adapter (DESK)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.world import ADMIN, START, World, messages_of
from tickets.domain.assignment import ShownAssignee
from tickets.domain.errors import SavedReplyNotFound, ThreadGrown, ValueChanged
from tickets.domain.people import Actor
from tickets.domain.saved_reply import SavedReply
from tickets.domain.ticket import Status

ROUNDS = 10


async def test_the_first_stored_answer_assigns_and_the_second_does_not_take_it_away(
    world: World,
) -> None:
    team = [await world.admin(name) for name in ("Nadia", "Omar")]
    for _ in range(ROUNDS):
        ticket = await world.ticket()

        await asyncio.gather(*(world.reply(ticket.id, Actor.named(admin)) for admin in team))

        stored = await world.detail(ticket.id)
        first = messages_of(stored)[1]
        assert stored.ticket.assignee is not None
        assert stored.ticket.assignee.name == first.sender_name
        kinds = [event[0] for event in await world.events(ticket.id)]
        assert kinds.count("assignee") == 1


async def test_one_of_two_admins_who_take_a_ticket_gets_it_and_the_other_is_told_who_has_it(
    world: World,
) -> None:
    team = [await world.admin(name) for name in ("Nadia", "Omar")]
    for _ in range(ROUNDS):
        ticket = await world.ticket()

        outcomes = await asyncio.gather(
            *(
                world.service.assign(
                    ticket.id, admin.id, by=Actor.named(admin), was=ShownAssignee(None)
                )
                for admin in team
            ),
            return_exceptions=True,
        )

        (refused,) = [each for each in outcomes if isinstance(each, ValueChanged)]
        winner = team[1 - outcomes.index(refused)]
        assert refused.present == winner
        assert (await world.tickets.get(ticket.id)).assignee == winner


async def test_a_customer_who_writes_while_the_ticket_is_marked_handled_still_waits(
    world: World,
) -> None:
    for _ in range(ROUNDS):
        ticket = await world.ticket()

        handled, _ = await asyncio.gather(
            world.service.mark_handled(ticket.id, 1, by=ADMIN),
            world.reply(ticket.id, Actor.user(ticket.user_id), "One more thing."),
            return_exceptions=True,
        )

        assert handled is True or isinstance(handled, ThreadGrown)
        assert (await world.tickets.get(ticket.id)).waiting_since is not None


async def test_a_customer_who_writes_during_a_resolving_reply_reopens_it_or_was_answered(
    world: World,
) -> None:
    for _ in range(ROUNDS):
        ticket = await world.ticket()

        await asyncio.gather(
            world.service.reply(ticket.id, "Done.", by=ADMIN, status="resolved"),
            world.reply(ticket.id, Actor.user(ticket.user_id), "Still broken."),
        )

        stored = await world.detail(ticket.id)
        last = messages_of(stored)[-1].message
        expected = (Status.RESOLVED, False) if last == "Done." else (Status.OPEN, True)
        assert (stored.ticket.status, stored.ticket.waiting_since is not None) == expected


async def test_a_saved_reply_that_is_changed_and_deleted_at_once_is_gone(world: World) -> None:
    for _ in range(ROUNDS):
        stored = await world.saved_replies.add(
            SavedReply.written("Refund", "It is on its way.", by=ADMIN, at=START)
        )

        changed, deleted = await asyncio.gather(
            world.saved_replies.change(replace(stored, title="Money back")),
            world.saved_replies.delete(stored.id),
            return_exceptions=True,
        )

        assert changed is None or isinstance(changed, SavedReplyNotFound)
        assert deleted is None
        assert list(await world.saved_replies.all()) == []
