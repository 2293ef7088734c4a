"""The daily round: one process verifies all tickets, another goes on if that one is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.postgres.roles import a_role
from tests.postgres.verification.conftest import Verification
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.connect import CommandConnection, connected
from tickets.adapters.postgres.schema.store_health import PostgresHealth
from tickets.adapters.postgres.verification import verifier as verifier_module
from tickets.adapters.postgres.verification.daily_round import EVERY, LEASE, DailyRound


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some tickets be several batches."""
    monkeypatch.setattr(verifier_module, "BATCH_SIZE", 2)


class Process:
    """The daily round of one process, which counts its connections."""

    def __init__(self, world: PostgresWorld, url: str) -> None:
        self.url = url
        self.connections = 0
        self.round = DailyRound(world.database, self._connect, pause=0)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[CommandConnection]:
        self.connections += 1
        async with connected(self.url) as connection:
            yield connection


async def wrong_tickets(world: PostgresWorld, count: int) -> Sequence[int]:
    """Return tickets whose columns are wrong."""
    tickets = [(await world.ticket()).id for _ in range(count)]
    await world.database.fetch("update tickets set message_count = 7")
    return tickets


async def pass_time(world: PostgresWorld, interval: str) -> None:
    """Move the stored times back: the clock of the database can't be moved forward."""
    await world.database.fetch(
        """update ticket_verification
              set started_at = started_at - $1::text::interval,
                  leased_until = leased_until - $1::text::interval""",
        interval,
    )


async def still_wrong(world: PostgresWorld) -> int:
    count: int = await world.database.fetchval(
        "select count(*) from tickets where message_count = 7"
    )
    return count


async def state(world: PostgresWorld) -> asyncpg.Record:
    row = await world.database.fetchrow(
        "select position, found, remaining, finished_at from ticket_verification"
    )
    assert row is not None
    return row


async def test_a_round_repairs_all_tickets_and_a_restart_does_not_begin_another(
    world: PostgresWorld, database_url: str
) -> None:
    await wrong_tickets(world, 5)
    process = Process(world, database_url)
    assert await process.round.run_if_due() == 0
    await pass_time(world, "1 day")

    assert await process.round.run_if_due() == 5

    assert await still_wrong(world) == 0
    ended = await state(world)
    assert (ended["position"], ended["found"], ended["remaining"]) == (None, 5, 0)
    figures = await PostgresHealth(world.database).figures()
    assert figures.verified_at == ended["finished_at"].timestamp()
    await wrong_tickets(world, 1)
    restarted = Process(world, database_url)
    assert await restarted.round.run_if_due() == 0
    assert restarted.connections == 0
    await pass_time(world, "23 hours")
    assert await restarted.round.run_if_due() == 0
    await pass_time(world, "1 hour")
    assert await restarted.round.run_if_due() > 0


async def test_one_of_many_processes_does_the_round(
    world: PostgresWorld, database_url: str
) -> None:
    await wrong_tickets(world, 5)
    await pass_time(world, "1 day")
    processes = [Process(world, database_url) for _ in range(6)]

    repaired = await asyncio.gather(*(process.round.run_if_due() for process in processes))

    assert sorted(repaired) == [0, 0, 0, 0, 0, 5]
    assert sum(process.connections for process in processes) == 1


async def test_a_round_goes_on_where_a_process_that_is_gone_has_stopped(
    world: PostgresWorld, database_url: str
) -> None:
    tickets = await wrong_tickets(world, 5)
    await world.database.fetch(
        "update ticket_verification set position = $1, leased_until = now() + $2",
        tickets[3],
        LEASE,
    )
    process = Process(world, database_url)
    assert await process.round.run_if_due() == 0
    await pass_time(world, "5 minutes")

    assert await process.round.run_if_due() == 1

    assert await still_wrong(world) == 4
    assert (await state(world))["position"] is None


async def test_a_process_whose_round_was_taken_over_stops(
    world: PostgresWorld, database_url: str
) -> None:
    await wrong_tickets(world, 6)
    await pass_time(world, "1 day")
    slow = Process(world, database_url)
    await world.database.fetch(
        """create function take_over() returns trigger language plpgsql as $$
           begin
               if new.position = 4 then
                   new.position := 6;
               end if;
               return new;
           end $$;"""
    )
    await world.database.fetch(
        """create trigger take_over before update on ticket_verification
           for each row execute function take_over()"""
    )

    await slow.round.run_if_due()

    assert (await state(world))["position"] == 6


async def test_a_round_cannot_begin_in_a_read_only_database(
    world: PostgresWorld, database_url: str
) -> None:
    await pass_time(world, "1 day")
    name = await world.database.fetchval("select current_database()")
    await world.database.fetch(f"alter database {name} set default_transaction_read_only = on")
    await world.database.renew()
    process = Process(world, database_url)

    assert await process.round.run_if_due() == 0
    assert process.connections == 0


async def test_a_round_is_left_to_a_newer_release(world: PostgresWorld, database_url: str) -> None:
    """Which knows its own schema; this one would find faults with it."""
    await wrong_tickets(world, 1)
    await pass_time(world, "1 day")
    await world.database.fetch("insert into ticket_migrations values (9000, 'newer', 'x')")

    process = Process(world, database_url)
    assert await process.round.run_if_due() == 0
    assert process.connections == 0
    assert await still_wrong(world) == 1


async def test_a_round_of_a_role_that_lacks_a_right_ends_with_that_finding(
    world: PostgresWorld, database_url: str
) -> None:
    await wrong_tickets(world, 1)
    await pass_time(world, "1 day")
    async with a_role(database_url) as role:
        await role.owner.execute(f"revoke all on ticket_counts from {role.name}")

        assert await Process(world, role.url).round.run_if_due() == 0

    ended = await state(world)
    assert (ended["position"], ended["found"], ended["remaining"]) == (None, 1, 1)


async def test_a_start_restores_the_row_of_the_round(
    verification: Verification, world: PostgresWorld
) -> None:
    await world.database.fetch("delete from ticket_verification")

    assert await verification.start() == []

    assert (await state(world))["position"] is None
    assert EVERY.days == 1
