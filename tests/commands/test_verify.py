"""`tickets verify`, and the verification at the start of `serve` and by `migrate`."""

from __future__ import annotations

import json

import asyncpg
import httpx
import pytest

from tests.commands.conftest import Shell, free_port
from tests.postgres.roles import a_role
from tests.postgres.take_over.platform import PLATFORM
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database

ADMIN_TOKEN = "a-token-for-the-admins"


@pytest.fixture
def world(postgres_world: PostgresWorld) -> PostgresWorld:
    return postgres_world


async def spoil(database: Database) -> None:
    """Leave wrong what a restore or another program may leave wrong."""
    await database.fetch("update tickets set message_count = 7")
    await database.fetch("select setval('ticket_messages_id_seq', 1, false)")
    await database.fetch("update ticket_counts set total = total + 5")


FOUND = [
    "sequences: sequence ticket_messages_id_seq gives 1 next, and ticket_messages has ids up to 2",
    "ticket counts: the ticket counts differ from the tickets: open support",
    "threads: message_count is wrong in 2 tickets (ids 1, 2)",
]


def verify(shell: Shell, url: str, *options: str) -> tuple[int, list[str]]:
    result = shell.run("verify", *options, TICKETS_DATABASE_URL=url)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout.splitlines()


async def test_verify_reports_and_repairs_on_request(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    await world.ticket()
    await world.ticket()
    code, (line,) = verify(shell, database_url)
    assert (code, line.endswith(": all is well")) == (0, True)
    await spoil(world.database)

    for _ in range(2):
        code, output = verify(shell, database_url)
        assert code == 1
        assert output[:-1] == FOUND
        assert output[-1].endswith(": 3 findings; `tickets verify --repair` repairs 3")
    code, output = verify(shell, database_url, "--repair")
    assert code == 0
    assert output[:-1] == [f"{line} (repaired)" for line in FOUND]
    assert output[-1].endswith("3 findings, 3 repaired, 0 remaining")
    assert verify(shell, database_url)[0] == 0


async def test_verify_exits_with_1_if_something_remains(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    await world.database.fetch("drop trigger ticket_badges_move on tickets")

    code, output = verify(shell, database_url, "--repair")

    assert code == 1
    assert output[-1].endswith("1 finding, 0 repaired, 1 remaining")


async def test_verify_promises_no_repair_of_what_it_cannot_repair(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    await world.database.fetch("drop trigger ticket_badges_move on tickets")
    assert verify(shell, database_url)[1][-1].endswith(": 1 finding")

    await world.ticket()
    await world.database.fetch("update tickets set message_count = 7")
    assert verify(shell, database_url)[1][-1].endswith(
        "2 findings; `tickets verify --repair` repairs 1"
    )

    name = await world.database.fetchval("select current_database()")
    await world.database.fetch(f"alter database {name} set default_transaction_read_only = on")
    assert verify(shell, database_url)[1][-1].endswith(": 3 findings")


def test_verify_says_that_a_database_has_not_been_migrated(
    shell: Shell, empty_database_url: str
) -> None:
    for options in ([], ["--repair"]):
        code, output = verify(shell, empty_database_url, *options)

        assert code == 1
        assert output[0] == (
            "migrations: the database has not been migrated; run `tickets migrate` first"
        )
        assert "--repair" not in output[1]


async def test_verify_says_which_migrations_are_due(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    await world.database.fetch("delete from ticket_migrations where number = 10")

    code, output = verify(shell, database_url)

    assert (code, output[0]) == (
        1,
        "migrations: due: 0010_verification; run `tickets migrate` first",
    )


def test_verify_exits_with_2_if_it_cannot_tell(shell: Shell) -> None:
    url = f"postgresql://someone@127.0.0.1:{free_port()}/nowhere"

    assert verify(shell, url) == (2, [])


async def test_migrate_verifies_and_repairs(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    await world.ticket()
    await world.ticket()
    await spoil(world.database)

    result = shell.run("migrate", TICKETS_DATABASE_URL=database_url)

    assert result.returncode == 0
    _location, *lines = result.stdout.splitlines()
    assert lines == [f"{line} (repaired)" for line in FOUND]


async def test_serve_repairs_before_it_serves_and_logs_it(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    await world.ticket()
    await world.ticket()
    await spoil(world.database)
    port = free_port()
    running = shell.start(
        *("serve", "--port", f"{port}"),
        TICKETS_DATABASE_URL=database_url,
        TICKETS_ADMIN_TOKEN=ADMIN_TOKEN,
    )
    running.wait_for("serves at")

    assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).status_code == 200
    assert running.stop() == 0
    messages = [json.loads(line)["message"] for line in running.output.splitlines()]
    assert [line for line in messages if line.startswith("verification: ")] == [
        f"verification: {line} (repaired)" for line in FOUND
    ]


async def test_serve_does_not_start_without_a_right_and_names_it(
    shell: Shell, database_url: str
) -> None:
    async with a_role(database_url) as role:
        await role.owner.execute(f"revoke all on ticket_counts from {role.name}")
        result = shell.run(
            *("serve", "--port", f"{free_port()}"),
            TICKETS_DATABASE_URL=role.url,
            TICKETS_ADMIN_TOKEN=ADMIN_TOKEN,
        )

    assert result.returncode == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: The database at ")
    assert line.endswith(
        f"cannot be served: the role {role.name} lacks select, insert, update, delete on "
        "ticket_counts."
    )


async def test_serve_starts_on_a_read_only_database_which_is_not_ready(
    shell: Shell, database_url: str, world: PostgresWorld
) -> None:
    ticket = await world.ticket()
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database {name} set default_transaction_read_only = on")
    await connection.close()
    port = free_port()
    running = shell.start(
        *("serve", "--port", f"{port}"),
        TICKETS_DATABASE_URL=database_url,
        TICKETS_ADMIN_TOKEN=ADMIN_TOKEN,
    )
    running.wait_for("serves at")
    root = f"http://127.0.0.1:{port}"

    ready = httpx.get(f"{root}/health/ready", timeout=30)
    shown = httpx.get(
        f"{root}/api/v1/tickets/admin/{ticket.id}",
        headers={"X-Admin-Token": ADMIN_TOKEN},
        timeout=30,
    )

    assert ready.status_code == 503
    assert ready.json()["problems"] == [
        {"name": "read-only", "detail": "The database is read-only."}
    ]
    assert shown.status_code == 200
    assert running.stop() == 0
    assert "verification: read-only: the database is read-only" in running.output


A_USER = "insert into users (email, password_hash) values ('mara@example.com', '')"

PLATFORMS = {
    "a required column": (
        "alter table tickets add column tenant_id integer not null",
        'opening a ticket is refused: null value in column "tenant_id"',
    ),
    "a required column of messages": (
        "alter table ticket_messages add column channel text not null",
        'opening a ticket is refused: null value in column "channel"',
    ),
    "other priorities": (
        "alter table tickets add check (priority in ('P1', 'P2'))",
        'opening a ticket is refused: new row for relation "tickets" violates check constraint',
    ),
    "fewer priorities": (
        "alter table tickets add check (priority in ('low', 'normal', 'high'))",
        "the priority urgent is refused: new row for relation",
    ),
    "fewer statuses": (
        "alter table tickets add check (status in ('open', 'in_progress', 'closed'))",
        "the status resolved is refused: new row for relation",
    ),
    "a sender for each message": (
        "alter table ticket_messages alter column sender_id set not null",
        'opening a ticket on behalf of a user is refused: null value in column "sender_id"',
    ),
}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_platform_that_would_refuse_our_writes_is_not_served(
    shell: Shell, empty_database_url: str, platform: str
) -> None:
    """In one sentence, each time, until its rule is changed."""
    rule, reason = PLATFORMS[platform]
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(f"{PLATFORM}; {A_USER}; {rule}")

    for _ in range(2):
        result = shell.run("migrate", TICKETS_DATABASE_URL=empty_database_url)

        assert result.returncode not in (0, 1)
        (line,) = result.stderr.splitlines()
        assert "cannot be served: " in line
        assert reason in line
    rows = "(select count(*) from tickets) + (select count(*) from ticket_messages)"
    assert await connection.fetchval(f"select {rows}") == 0
    await connection.execute(
        """alter table tickets drop constraint if exists tickets_priority_check,
                               drop constraint if exists tickets_status_check,
                               drop column if exists tenant_id;
           alter table ticket_messages alter column sender_id drop not null,
                                       drop column if exists channel"""
    )
    await connection.close()

    assert shell.run("migrate", TICKETS_DATABASE_URL=empty_database_url).returncode == 0


async def test_a_service_that_has_written_starts_without_using_up_a_ticket_number(
    shell: Shell, world: PostgresWorld, database_url: str
) -> None:
    first = await world.ticket()

    assert shell.run("migrate", TICKETS_DATABASE_URL=database_url).returncode == 0

    assert (await world.ticket()).id == first.id + 1
