"""A state machine (Hypothesis): random commands on the model, the memory adapter and PostgreSQL.

All three must agree, for single commands and for concurrent ones.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.databases import new_database
from tests.postgres.concurrency.desk_mutants import (
    EveryReplyAssigns,
    HandlesWithoutSeen,
    RecordsApartFromTheChange,
)
from tests.postgres.concurrency.mutants import (
    ClearsWithoutVersion,
    ReplyClearsOwnFlag,
    SavesWithoutVersion,
    SharedCache,
    Subject,
    TwoProcesses,
    cache_of,
)
from tests.reference_model import (
    ADMINS,
    ANYBODY,
    Acknowledge,
    AddNote,
    Assign,
    ChangeStatus,
    Close,
    Command,
    MarkHandled,
    MarkUnread,
    Model,
    Outcome,
    Peek,
    Read,
    Reply,
    SetPriority,
    serial_order,
)
from tests.reference_runner import People, StoredTicket, UnreadPromise, UseCases
from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.people import Side
from tickets.domain.ticket import Priority, Status

Result = TypeVar("Result")

SIDES = st.sampled_from(Side)

NAMES = st.sampled_from([None, *ADMINS])

STATUSES = st.sampled_from([*Status, Status.OPEN, Status.IN_PROGRESS, Status.RESOLVED])
"""Closed is rarer than the others, since a closed ticket refuses replies."""

MAYBE_STATUSES = st.one_of(st.none(), STATUSES)

PRIORITIES = st.sampled_from([each.value for each in Priority])

COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Read, SIDES, st.sampled_from([1, 2, 200])),
    st.builds(Peek, SIDES, st.sampled_from([2, 200])),
    st.builds(Acknowledge, SIDES, st.integers(0, 12)),
    st.builds(MarkUnread, SIDES),
    st.just(Close()),
    st.builds(ChangeStatus, STATUSES, MAYBE_STATUSES),
    st.builds(Reply, st.just(Side.USER), st.just("")),
    st.builds(Reply, st.just(Side.USER), st.just("")),
    st.builds(Reply, st.just(Side.ADMIN), st.just(""), NAMES, MAYBE_STATUSES),
    st.builds(Assign, NAMES, NAMES, st.sampled_from([ANYBODY, None, *ADMINS])),
    st.builds(SetPriority, PRIORITIES, st.one_of(st.none(), PRIORITIES), NAMES),
    st.builds(MarkHandled, NAMES, st.sampled_from([None, None, 1, 3, 5])),
    st.builds(AddNote, st.just(""), NAMES),
)


QUESTION = "the question, in ten characters"


class Loop:
    """An event loop for the machine's synchronous steps, and a database for all of them."""

    def __init__(self, runner: asyncio.Runner, world: PostgresWorld) -> None:
        self._runner = runner
        self.world = world
        self.people = self.run(People.of(world))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)


class Machine(RuleBasedStateMachine):
    """One ticket three times: in the model, in memory and on PostgreSQL."""

    loop: Loop
    subject: type[Subject] = Subject

    def __init__(self) -> None:
        super().__init__()
        self._texts = itertools.count(1)
        self.promise = UnreadPromise()

    @initialize(opened_by=st.one_of(st.just(Side.USER), st.sampled_from([None, *ADMINS])))
    def open_ticket(self, opened_by: Side | str | None) -> None:
        """Open the ticket as its user, as a named admin on their behalf, or as the team."""
        self.memory = MemoryWorld()
        self.postgres = self.subject(self.loop.world)
        self.loop.run(self.postgres.prepare())
        self.people = [self.loop.run(People.of(self.memory)), self.loop.people]
        self.ticket_ids = [
            self.loop.run(self._opened(world, people, opened_by))
            for world, people in zip((self.memory, self.loop.world), self.people, strict=True)
        ]
        by = Side.USER if opened_by is Side.USER else Side.ADMIN
        self.model = Model.opened(by, QUESTION, None if by is Side.USER else opened_by)
        self.promise.shown[by].add(QUESTION)

    @staticmethod
    async def _opened(world: World, people: People, opened_by: Side | str | None) -> int:
        if opened_by is Side.USER:
            return (await world.ticket(people.user_id, message=QUESTION)).id
        ticket = await world.service.open_on_behalf(
            by=people.actor(Side.ADMIN, opened_by),
            user_id=people.user_id,
            email=None,
            category="support",
            other_category=None,
            subject="On behalf",
            message=QUESTION,
        )
        return ticket.id

    def _made_concrete(self, command: Command) -> Command:
        """Give a text of its own to what is written, and the present count to `seen`."""
        match command:
            case Reply() | AddNote():
                return replace(command, text=f"text {next(self._texts)}")
            case MarkHandled(seen=None):
                return replace(command, seen=len(self.model.thread))
        return command

    def _in_memory(self, command: Command) -> Outcome:
        world = self.memory
        use_cases = UseCases(world.service, world.note_service, self.people[0], self.ticket_ids[0])
        return self.loop.run(use_cases.perform(command))

    def _on_postgres(self, commands: Sequence[Command]) -> list[Outcome]:
        def use_cases() -> UseCases:
            tickets = self.postgres.tickets()
            service = self.postgres.ticket_service_on(tickets, cache_of(tickets))
            notes = self.loop.world.note_service
            return UseCases(service, notes, self.people[1], self.ticket_ids[1])

        async def concurrently() -> list[Outcome]:
            return await asyncio.gather(*(use_cases().perform(one) for one in commands))

        return self.loop.run(concurrently())

    def _stored(self) -> StoredTicket:
        async def stored() -> StoredTicket:
            detail = await self.postgres.snapshot(self.ticket_ids[1])
            return await StoredTicket.in_world(self.loop.world, self.ticket_ids[1], detail)

        return self.loop.run(stored())

    @rule(command=COMMANDS)
    def run_one(self, command: Command) -> None:
        command = self._made_concrete(command)
        (outcome,) = self._on_postgres([command])
        assert outcome == self.model.apply(command)
        assert outcome == self._in_memory(command)
        self._record(command, outcome)

    @rule(commands=st.lists(COMMANDS, min_size=2, max_size=4))
    def run_concurrently(self, commands: list[Command]) -> None:
        """Run several at once; the outcomes must be those of some serial order."""
        commands = [self._made_concrete(command) for command in commands]
        outcomes = self._on_postgres(commands)
        order = serial_order(self.model, commands, outcomes, self._stored().model)
        assert order is not None, f"{commands} returned {outcomes}, as no serial order does"
        for index in order:
            assert self.model.apply(commands[index]) == outcomes[index]
            assert self._in_memory(commands[index]) == outcomes[index]
            self._record(commands[index], outcomes[index])

    # no precondition on the status: the outcome of a race must not steer what Hypothesis tries
    @rule()
    def reopen(self) -> None:
        self.run_one(ChangeStatus(Status.OPEN))

    def _record(self, command: Command, outcome: Outcome) -> None:
        self.promise.record(command, outcome)
        if isinstance(command, Acknowledge) and outcome != "invalid":
            # a client acknowledges only what it has shown
            assert command.seen is not None
            self.promise.shown[command.by].update(self.model.texts[: command.seen])

    @invariant()
    def model_memory_and_postgres_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        in_memory = self.loop.run(StoredTicket.in_world(self.memory, self.ticket_ids[0]))
        for stored in (self._stored(), in_memory):
            assert list(stored.deviations(self.model)) == []
            assert list(self.promise.violations(stored.model)) == []


@contextmanager
def loop_on(postgres_url: str, template: str) -> Iterator[Loop]:
    """Return an event loop with a database of this test's own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        async with new_database(postgres_url, template) as url, Database(url).open() as database:
            yield database

    with asyncio.Runner() as runner:
        context = opened()
        database = runner.run(context.__aenter__())
        try:
            yield Loop(runner, PostgresWorld(database))
        finally:
            runner.run(context.__aexit__(None, None, None))


def run_machine(loop: Loop, subject: type[Subject], *, examples: int, **options: Any) -> None:
    kind = type(f"{subject.__name__}Machine", (Machine,), {"loop": loop, "subject": subject})
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


@pytest.mark.parametrize("subject", [Subject, SharedCache, TwoProcesses])
def test_model_memory_and_postgres_agree_also_under_concurrency(
    postgres_url: str, migrated_template: str, subject: type[Subject]
) -> None:
    with loop_on(postgres_url, migrated_template) as loop:
        run_machine(loop, subject, examples=60)


@pytest.mark.parametrize(
    "mutant",
    [
        ReplyClearsOwnFlag,
        SavesWithoutVersion,
        ClearsWithoutVersion,
        EveryReplyAssigns,
        HandlesWithoutSeen,
        RecordsApartFromTheChange,
    ],
)
def test_a_mutant_is_caught_by_the_state_machine(
    postgres_url: str, migrated_template: str, mutant: type[Subject]
) -> None:
    # an error of a race may not repeat when Hypothesis replays it, which it reports as `Flaky`
    caught = pytest.raises((AssertionError, Flaky))
    with loop_on(postgres_url, migrated_template) as loop, caught:
        # no shrinking: an error that needs luck in a race cannot be made smaller
        run_machine(loop, mutant, examples=200, phases=[Phase.generate])
