"""A ticket that several people act on at once, and the runs of every order of their statements."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.postgres.concurrency.interleaving import Gate, GatedPort, Work, every_order
from tests.postgres.concurrency.mutants import Subject
from tests.reference_model import (
    Acknowledge,
    AddNote,
    Command,
    MarkHandled,
    Model,
    Outcome,
    Reply,
)
from tests.reference_runner import People, StoredTicket, UnreadPromise, UseCases
from tests.world import START
from tickets.application.notes import NoteService
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Ticket

Actions = Mapping[str, Sequence[Command]]
"""Each action is one or two use cases, and each use case is one or more statements."""

QUESTION = "the question"

ANSWERED = (Reply(Side.ADMIN, "the answer"),)
"""What happens before the actions: one message of each side, unread by both."""


class Scene:
    """Makes a new ticket for each order, and performs `start` on it before the actions."""

    def __init__(
        self,
        subject: Subject,
        people: People,
        actions: Sequence[Sequence[Command]],
        start: Sequence[Command],
    ) -> None:
        self._subject = subject
        self._people = people
        self._actions = actions
        self._start = start
        self.errors: list[str] = []

    async def works(self) -> Sequence[Work]:
        """Make the ticket, and the tasks that act on it."""
        world = self._subject.world
        added = await world.tickets.add(
            Ticket.open(
                by=Actor.user(self._people.user_id),
                category="support",
                other_category=None,
                subject="Every order",
                message=QUESTION,
                at=START,
            )
        )
        self._ticket_id = added.id
        self._model = Model.opened(Side.USER, QUESTION)
        before = UseCases(world.service, world.note_service, self._people, added.id)
        for command in self._start:
            assert await before.perform(command) == self._model.apply(command)
        self._outcomes: list[tuple[Command, Outcome]] = []
        return [self._work(number, action) for number, action in enumerate(self._actions)]

    def _work(self, number: int, action: Sequence[Command]) -> Work:
        async def work(gate: Gate) -> None:
            world = self._subject.world
            use_cases = UseCases(
                await self._subject.service(gate, self._ticket_id),
                NoteService(GatedPort(world.notes, gate), world.idempotency_store, world.clock),
                self._people,
                self._ticket_id,
            )
            shown = 0
            for command in action:
                match command:
                    case Acknowledge() | MarkHandled():
                        command = replace(command, seen=shown)  # noqa: PLW2901 - by the last peek
                    case Reply() | AddNote():
                        command = replace(command, text=f"text {number}")  # noqa: PLW2901
                outcome = await use_cases.perform(command)
                shown = len(outcome) if isinstance(outcome, tuple) else shown
                # statements run one at a time, so the outcomes are in the order of the last ones
                self._outcomes.append((command, outcome))

        return work

    async def check(self) -> None:
        """Compare with the model, in the order of the outcomes, and with the unread promise."""
        stored = await StoredTicket.in_world(
            self._subject.world, self._ticket_id, await self._subject.snapshot(self._ticket_id)
        )
        promise = UnreadPromise()
        for command, outcome in self._outcomes:
            promise.record(command, outcome)
            if (expected := self._model.apply(command)) != outcome:
                self.errors.append(f"{command} returned {outcome}, expected {expected}")
        self.errors.extend(stored.deviations(self._model))
        self.errors.extend(promise.violations(stored.model))


async def explore(
    subject: Subject,
    actions: Actions,
    plans: Sequence[Sequence[str]],
    *,
    start: Sequence[Command] = ANSWERED,
    at_once: int = 8,
) -> tuple[int, list[str]]:
    """Run each plan in every order; return the number of orders, and the errors."""
    people = await People.of(subject.world)
    turns = asyncio.Semaphore(at_once)

    async def explore_plan(plan: Sequence[str]) -> tuple[int, list[str]]:
        async with turns:
            scene = Scene(subject, people, [actions[name] for name in plan], start)
            orders = await every_order(scene.works, scene.check)
            return orders, [f"{', '.join(plan)}: {error}" for error in scene.errors]

    results = await asyncio.gather(*(explore_plan(plan) for plan in plans))
    return sum(orders for orders, _ in results), [
        error for _, errors in results for error in errors
    ]
