"""Every interleaving of the statements of two or three concurrent actions on one ticket."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.postgres.concurrency.interleaving import Gate, Work, every_order
from tests.postgres.concurrency.mutants import (
    MUTANTS,
    HighWaterMark,
    SeparateCaches,
    SharedCache,
    Subject,
)
from tests.reference_model import (
    Acknowledge,
    ChangeStatus,
    Close,
    Command,
    MarkUnread,
    Model,
    Outcome,
    Peek,
    Read,
    Reply,
    StoredTicket,
    UnreadPromise,
    perform,
)
from tests.world import START, PostgresWorld
from tickets.domain.message import Message
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Category, Status, Ticket

USER, ADMIN = Side.USER, Side.ADMIN

ACTIONS: dict[str, tuple[Command, ...]] = {
    "user reads": (Read(USER),),
    "admin reads": (Read(ADMIN),),
    "user reads the newest message": (Read(USER, limit=1),),
    "user replies": (Reply(USER, ""),),
    "admin replies": (Reply(ADMIN, ""),),
    "user acknowledges": (Peek(USER), Acknowledge(USER)),
    "admin acknowledges": (Peek(ADMIN), Acknowledge(ADMIN)),
    "user marks unread": (MarkUnread(USER),),
    "admin marks unread": (MarkUnread(ADMIN),),
    "admin resolves": (ChangeStatus(Status.RESOLVED),),
    "admin closes": (ChangeStatus(Status.CLOSED),),
    "user closes": (Close(),),
}
"""Each action is one or two use cases, and each use case is one or more statements."""

PAIRS = list(itertools.combinations_with_replacement(ACTIONS, 2))

WRITERS = ("user replies", "admin replies")

PAIRS_ONLY = ("admin marks unread", "user closes")

TRIPLES = [
    triple
    for triple in itertools.combinations_with_replacement(
        [action for action in ACTIONS if action not in PAIRS_ONLY], 3
    )
    # Only where somebody writes while the user reads can a message be marked read unseen. The same
    # for the admins' reading is among the pairs.
    if any(action in WRITERS for action in triple)
    and any(action in ("user reads", "user acknowledges") for action in triple)
]


class Scene:
    """Makes a new ticket for each order: one message of each side, unread by both."""

    def __init__(self, subject: Subject, user_id: int, actions: Sequence[str]) -> None:
        self._subject = subject
        self._user_id = user_id
        self._actions = actions
        self.errors: list[str] = []

    async def works(self) -> Sequence[Work]:
        """Make the ticket, and the tasks that act on it."""
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
                last_ordinal=1,
                user_seen=1,
                waiting_since=START,
                new_message=Message(0, 0, USER, self._user_id, "the question", START, 1),
            )
        )
        ticket = await tickets.get(added.id)
        ticket.reply("the answer", by=Actor.team(), at=START)
        await tickets.save(ticket)
        self._ticket_id = ticket.id
        self._outcomes: list[tuple[Command, Outcome]] = []
        return [self._work(number, action) for number, action in enumerate(self._actions)]

    def _work(self, number: int, action: str) -> Work:
        async def work(gate: Gate) -> None:
            service = await self._subject.service(gate, self._ticket_id)
            shown = 0
            for command in ACTIONS[action]:
                match command:
                    case Acknowledge():
                        command = replace(command, seen=shown)  # noqa: PLW2901 - by the last peek
                    case Reply():
                        command = replace(command, text=f"message {number}")  # noqa: PLW2901
                outcome = await perform(service, self._ticket_id, self._user_id, command)
                shown = len(outcome) if isinstance(outcome, tuple) else shown
                # statements run one at a time, so the outcomes are in the order of the last ones
                self._outcomes.append((command, outcome))

        return work

    async def check(self) -> None:
        """Compare with the model, in the order of the outcomes, and with the unread promise."""
        stored = StoredTicket.of(await self._subject.snapshot(self._ticket_id))
        model = Model(
            unread={USER: True, ADMIN: True},
            thread=[(USER, "the question"), (ADMIN, "the answer")],
            marks={USER: 1, ADMIN: 0},
            waiting=False,
        )
        promise = UnreadPromise()
        for command, outcome in self._outcomes:
            promise.record(command, outcome)
            if (expected := model.apply(command)) != outcome:
                self.errors.append(f"{command} returned {outcome}, expected {expected}")
        self.errors.extend(stored.deviations(model))
        self.errors.extend(promise.violations(stored.model))


async def explore(
    subject: Subject, plans: Sequence[Sequence[str]], *, at_once: int = 8
) -> tuple[int, list[str]]:
    """Run each plan in every order; return the number of orders, and the errors."""
    user_id = await subject.world.user()
    turns = asyncio.Semaphore(at_once)

    async def explore_plan(plan: Sequence[str]) -> tuple[int, list[str]]:
        async with turns:
            scene = Scene(subject, user_id, plan)
            orders = await every_order(scene.works, scene.check)
            return orders, [f"{', '.join(plan)}: {error}" for error in scene.errors]

    results = await asyncio.gather(*(explore_plan(plan) for plan in plans))
    return sum(orders for orders, _ in results), [
        error for _, errors in results for error in errors
    ]


@pytest.mark.parametrize(
    ("kind", "plans", "least"),
    [
        (Subject, PAIRS, 190),
        (Subject, TRIPLES, 3000),
        (SharedCache, PAIRS, 120),
        (SharedCache, TRIPLES, 1400),
        (SeparateCaches, PAIRS, 120),
        (SeparateCaches, TRIPLES, 1400),
    ],
)
async def test_no_interleaving_marks_a_message_read_unseen_or_loses_a_change(
    postgres_world: PostgresWorld,
    kind: type[Subject],
    plans: Sequence[Sequence[str]],
    least: int,
) -> None:
    orders, errors = await explore(kind(postgres_world), plans)

    assert errors == []
    assert orders >= least, orders


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
async def test_a_mutant_is_caught(postgres_world: PostgresWorld, mutant: type[Subject]) -> None:
    subject = mutant(postgres_world)
    await subject.prepare()
    plans: Sequence[Sequence[str]] = PAIRS
    if mutant is HighWaterMark:
        # its error needs two writers, whose ids are in another order than their commits
        plans = [("user reads", "admin replies", "admin replies")]

    _, errors = await explore(subject, plans)

    assert any("marked read" in error for error in errors), errors[:5]
