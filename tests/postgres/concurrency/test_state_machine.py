"""A state machine (Hypothesis): random commands on the model, the memory adapter and PostgreSQL.

All three must agree, for single commands and for concurrent ones.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
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
    serial_order,
)
from tests.world import MemoryWorld, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.application.tickets import TicketService
from tickets.domain.people import Side
from tickets.domain.ticket import Status

Result = TypeVar("Result")

SIDES = st.sampled_from(Side)

WITHOUT_REPLIES: st.SearchStrategy[Command] = st.one_of(
    st.builds(Read, SIDES, st.sampled_from([1, 2, 200])),
    st.builds(Peek, SIDES, st.sampled_from([2, 200])),
    st.builds(Acknowledge, SIDES, st.integers(0, 12)),
    st.builds(MarkUnread, SIDES),
    st.just(Close()),
    # closed is rarer than the others, since a closed ticket refuses replies
    st.builds(
        ChangeStatus, st.sampled_from([*Status, Status.OPEN, Status.IN_PROGRESS, Status.RESOLVED])
    ),
)

COMMANDS: st.SearchStrategy[Command] = st.one_of(
    WITHOUT_REPLIES, st.builds(Reply, SIDES, st.just(""))
)


class Loop:
    """An event loop for the machine's synchronous steps, and a database for all of them."""

    def __init__(self, runner: asyncio.Runner, world: PostgresWorld) -> None:
        self._runner = runner
        self.world = world

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

    @initialize()
    def open_ticket(self) -> None:
        self.memory = MemoryWorld()
        self.postgres = self.subject(self.loop.world)
        self.loop.run(self.postgres.prepare())
        self.user_ids = [self.loop.run(world.user()) for world in (self.memory, self.loop.world)]
        self.ticket_ids = [
            self.loop.run(world.ticket(user_id, message="the question, in ten characters")).id
            for world, user_id in zip((self.memory, self.loop.world), self.user_ids, strict=True)
        ]
        self.model = Model(thread=[(Side.USER, "the question, in ten characters")])

    def _with_unique_text(self, command: Command) -> Command:
        """Give a reply a unique text."""
        return (
            Reply(command.by, f"message {next(self._texts)}")
            if isinstance(command, Reply)
            else command
        )

    def _in_memory(self, command: Command) -> Outcome:
        return self.loop.run(
            perform(self.memory.service, self.ticket_ids[0], self.user_ids[0], command)
        )

    def _on_postgres(self, commands: Sequence[Command]) -> list[Outcome]:
        def service() -> TicketService:
            tickets = self.postgres.tickets()
            return self.postgres.ticket_service_on(tickets, cache_of(tickets))

        async def concurrently() -> list[Outcome]:
            return await asyncio.gather(
                *(perform(service(), self.ticket_ids[1], self.user_ids[1], one) for one in commands)
            )

        return self.loop.run(concurrently())

    def _stored(self) -> StoredTicket:
        return StoredTicket.of(self.loop.run(self.postgres.snapshot(self.ticket_ids[1])))

    @rule(command=COMMANDS)
    def run_one(self, command: Command) -> None:
        command = self._with_unique_text(command)
        (outcome,) = self._on_postgres([command])
        assert outcome == self.model.apply(command)
        assert outcome == self._in_memory(command)
        self._record(command, outcome)

    @rule(commands=st.lists(COMMANDS, min_size=2, max_size=4))
    def run_concurrently(self, commands: list[Command]) -> None:
        """Run several at once; the outcomes must be those of some serial order."""
        commands = [self._with_unique_text(command) for command in commands]
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
        in_memory = StoredTicket.of(self.loop.run(self.memory.detail(self.ticket_ids[0])))
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


@pytest.mark.parametrize("mutant", [ReplyClearsOwnFlag, SavesWithoutVersion, ClearsWithoutVersion])
def test_a_mutant_is_caught_by_the_state_machine(
    postgres_url: str, migrated_template: str, mutant: type[Subject]
) -> None:
    # an error of a race may not repeat when Hypothesis replays it, which it reports as `Flaky`
    caught = pytest.raises((AssertionError, Flaky))
    with loop_on(postgres_url, migrated_template) as loop, caught:
        # no shrinking: an error that needs luck in a race cannot be made smaller
        run_machine(loop, mutant, examples=200, phases=[Phase.generate])
