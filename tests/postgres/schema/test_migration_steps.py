"""Migrations in steps: each is recorded, and a second run resumes after the last one."""

from __future__ import annotations

import pytest

from tests.postgres.schema.migrators import FRUIT, Connection, as_recorded, recorded
from tickets.adapters.postgres.schema.migrations import (
    Migration,
    Migrator,
)

NUMBERED = Migration(
    9002,
    "numbered",
    """-- Numbers the fruit.
-- previous release: may serve

-- step: add_number
alter table fruit add column id integer generated always as identity;
alter table fruit add column number integer;

-- step: index_number, concurrently
-- Finds a fruit by its number.
create unique index concurrently fruit_by_number on fruit (number);

-- step: fill, in batches
with batch as (
    select id from fruit where id > :after order by id limit :size
), filled as (
    update fruit set number = fruit.id from batch where fruit.id = batch.id
)
select max(id)::bigint from batch;

-- step: require_number
alter table fruit alter column number set not null;
""",
)
MANY = "insert into fruit (name) select 'fruit ' || n from generate_series(1, 1234) n"


def broken_in(step: str) -> Migration:
    """Return `NUMBERED` with a statement that fails at the end of a step."""
    head, mark, tail = NUMBERED.script.partition(f"-- step: {step}")
    line, _, rest = tail.partition("\n")
    return Migration(9002, "numbered", f"{head}{mark}{line}\nselect 1 / 0;{rest}")


async def steps_of(connection: Connection) -> dict[str, tuple[int | None, bool]]:
    rows = await connection.fetch(
        "select step, position, finished_at is not null as done from ticket_migration_steps"
    )
    return {row["step"]: (row["position"], row["done"]) for row in rows}


@pytest.fixture
async def fruit(connection: Connection) -> Connection:
    """Return a connection to a database with many fruits."""
    await Migrator(connection, [FRUIT]).apply()
    await connection.execute(MANY)
    return connection


async def test_every_kind_of_step_runs_and_the_migration_is_recorded(fruit: Connection) -> None:
    applied = await Migrator(fruit, [FRUIT, NUMBERED]).apply()

    assert applied == [NUMBERED]
    assert await fruit.fetchval("select count(distinct number) from fruit") == 1234
    assert await fruit.fetchval(
        "select indisvalid from pg_index where indexrelid = 'fruit_by_number'::regclass"
    )
    assert await recorded(fruit) == as_recorded(FRUIT, NUMBERED)
    assert await steps_of(fruit) == {}
    assert await Migrator(fruit, [FRUIT, NUMBERED]).apply() == []
