"""Every order of the statements of what two or three people do to one ticket at once, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.model import (
    Acknowledge,
    Command,
    MarkUnread,
    Model,
    Move,
    Open,
    Outcome,
    Peek,
    Promise,
    Reply,
    Shown,
    perform,
)
from tests.postgres.interleaving import Gate, Work, every_order
from tests.postgres.mutants import (
    MUTANTS,
    HighWaterMark,
    RememberApart,
    RememberTogether,
    Subject,
)
from tests.world import START, PostgresWorld
from tickets.domain.message import Message
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Category, Status, Ticket

USER, ADMIN = Side.USER, Side.ADMIN

DOINGS: dict[str, tuple[Command, ...]] = {
    "user opens": (Open(USER),),
    "admin opens": (Open(ADMIN),),
    "user replies": (Reply(USER, ""),),
    "admin replies": (Reply(ADMIN, ""),),
    "user acknowledges": (Peek(USER), Acknowledge(USER)),
    "admin acknowledges": (Peek(ADMIN), Acknowledge(ADMIN)),
    "user marks unread": (MarkUnread(USER),),
    "admin marks unread": (MarkUnread(ADMIN),),
    "admin resolves": (Move(Status.RESOLVED),),
    "admin closes": (Move(Status.CLOSED),),
}
"""What people do, each one or two use cases, each use case one statement or more."""

PAIRS = list(itertools.combinations_with_replacement(DOINGS, 2))

WRITERS = ("user replies", "admin replies")

TRIPLES = [
    triple
    for triple in itertools.combinations_with_replacement(
        [doing for doing in DOINGS if doing != "admin marks unread"], 3
    )
    # somebody writes while the user reads: without both there is nothing that could be read unseen; what the admins read
    # is the same the other way round, and among the pairs
    if any(doing in WRITERS for doing in triple)
    and any(doing in ("user opens", "user acknowledges") for doing in triple)
]


class Scene:
    """A new ticket for each order, unread by both sides, with a message of each."""

    def __init__(self, subject: Subject, user_id: int, doings: Sequence[str]) -> None:
        self._subject = subject
        self._user_id = user_id
        self._doings = doings
        self.faults: list[str] = []

    async def works(self) -> Sequence[Work]:
        """Make the ticket, and what is done to it."""
        tickets = self._subject.world.tickets
        added = await tickets.add(
            Ticket(
                id=0,
                user_id=self._user_id,
                category=Category.SUPPORT,
                other_category=None,
                subject="Every order",
                status=Status.OPEN,
                priority="normal",
                user_unread=False,
                admin_unread=True,
                message_count=1,
                last_message="the question",
                created_at=START,
                updated_at=START,
                version=0,
                new_message=Message(0, 0, USER, self._user_id, "the question", START),
            )
        )
        ticket = await tickets.get(added.id)
        ticket.reply("the answer", by=Actor.admin(), at=START)
        await tickets.save(ticket)
        self._ticket_id = ticket.id
        self._done: list[tuple[Command, Outcome]] = []
        return [self._work(number, doing) for number, doing in enumerate(self._doings)]

    def _work(self, number: int, doing: str) -> Work:
        async def work(gate: Gate) -> None:
            service = await self._subject.service(gate, self._ticket_id)
            shown = 0
            for command in DOINGS[doing]:
                if isinstance(command, Acknowledge):
                    command = replace(command, seen=shown)  # noqa: PLW2901 - what the peek before it has shown
                if isinstance(command, Reply):
                    command = replace(command, text=f"message {number}")  # noqa: PLW2901
                outcome = await perform(service, self._ticket_id, self._user_id, command)
                shown = len(outcome) if isinstance(outcome, tuple) else shown
                # as statements come one at a time, what ends here has happened with the last of them
                self._done.append((command, outcome))

        return work

    async def check(self) -> None:
        """Compare with the model, in the order in which things happened, and with the promise."""
        stored = Shown.of(await self._subject.snapshot(self._ticket_id))
        model = Model(
            unread={USER: True, ADMIN: True},
            thread=[(USER, "the question"), (ADMIN, "the answer")],
        )
        promise = Promise()
        for command, outcome in self._done:
            promise.note(command, outcome)
            if (expected := model.apply(command)) != outcome:
                self.faults.append(f"{command} came to {outcome}, and not {expected}")
        self.faults.extend(stored.faults(model))
        self.faults.extend(promise.broken_by(stored.model))


async def explore(
    subject: Subject, plans: Sequence[Sequence[str]], *, at_once: int = 8
) -> tuple[int, list[str]]:
    """Run everything that the plans name in every order; return how many there were, and what was wrong."""
    user_id = await subject.world.user()
    turns = asyncio.Semaphore(at_once)

    async def one(plan: Sequence[str]) -> tuple[int, list[str]]:
        async with turns:
            scene = Scene(subject, user_id, plan)
            orders = await every_order(scene.works, scene.check)
            return orders, [f"{', '.join(plan)}: {fault}" for fault in scene.faults]

    results = await asyncio.gather(*(one(plan) for plan in plans))
    return sum(orders for orders, _ in results), [fault for _, found in results for fault in found]


@pytest.mark.parametrize(
    ("kind", "plans", "least"),
    [
        (Subject, PAIRS, 190),
        (Subject, TRIPLES, 3000),
        (RememberTogether, PAIRS, 120),
        (RememberTogether, TRIPLES, 1400),
        (RememberApart, PAIRS, 120),
        (RememberApart, TRIPLES, 1400),
    ],
)
async def test_no_order_of_statements_marks_read_what_was_not_shown_or_loses_anything(
    postgres_world: PostgresWorld,
    kind: type[Subject],
    plans: Sequence[Sequence[str]],
    least: int,
) -> None:
    orders, faults = await explore(kind(postgres_world), plans)

    assert faults == []
    assert orders >= least, orders


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
async def test_what_looks_right_and_is_wrong_is_caught(
    postgres_world: PostgresWorld, mutant: type[Subject]
) -> None:
    subject = mutant(postgres_world)
    await subject.prepare()
    plans: Sequence[Sequence[str]] = PAIRS
    if mutant is HighWaterMark:
        # alone, it is as good as any: it takes two who write to hand out ids in another order than commits
        plans = [("user opens", "admin replies", "admin replies")]

    _, faults = await explore(subject, plans)

    assert any("marked read" in fault for fault in faults), faults[:5]
