"""The commands migrate, user add, close-resolved and demo."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from click.testing import CliRunner

from tests.commands.conftest import Shell, free_port
from tests.postgres.roles import a_role
from tests.postgres.take_over.platform import PLATFORM
from tests.world import ADMIN, START, PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.cli.main import main
from tickets.domain.ticket import Status


def test_migrate_lists_due_migrations_applies_them_and_is_then_up_to_date(
    shell: Shell, empty_database_url: str
) -> None:
    def run(*options: str) -> tuple[int, str]:
        result = shell.run("migrate", *options, TICKETS_DATABASE_URL=empty_database_url)
        return result.returncode, result.stdout

    code, output = run("--check")
    assert code == 1
    assert "due: 0001_tickets, 0002_bearer_tokens" in output
    # nobody has used this database yet
    assert "previous release" not in output
    code, output = run()
    assert code == 0
    assert "migrated: 0001_tickets, 0002_bearer_tokens" in output
    assert run()[1].endswith("up to date\n")
    code, output = run("--check")
    assert (code, output.endswith("up to date\n")) == (0, True)


async def test_check_names_the_remaining_steps_of_a_half_done_migration(
    shell: Shell, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """insert into ticket_migration_steps (migration, step, checksum, finished_at)
           select number, 'columns_and_triggers', checksum, now()
             from ticket_migrations where number = 9;
           delete from ticket_migrations where number = 9"""
    )
    await connection.close()

    result = shell.run("migrate", "--check", TICKETS_DATABASE_URL=database_url)

    assert result.returncode == 1
    assert "due: 0009_threads\n" in result.stdout
    assert "0009_threads is half done; remaining steps: fill, index_ordinals, " in result.stdout
    assert "0009_threads: the previous release may serve meanwhile.\n" in result.stdout


async def test_a_database_of_a_newer_version_is_refused(shell: Shell, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("insert into ticket_migrations values (9000, 'from_the_future', 'x')")
    await connection.close()

    for command in (["migrate"], ["migrate", "--check"], ["user", "add", "a@b.example"]):
        result = shell.run(*command, TICKETS_DATABASE_URL=database_url)
        assert result.returncode == (2 if "migrate" in command else 1)
        assert "newer than this version of the service: it has migration 9000_from_the_future" in (
            result.stderr
        )


async def test_user_add_prints_nothing_but_a_token_that_signs_in(
    shell: Shell, database_url: str, postgres_world: PostgresWorld
) -> None:
    def add(email: str) -> subprocess.CompletedProcess[str]:
        return shell.run("user", "add", email, TICKETS_DATABASE_URL=database_url)

    first, again, other = add("mara@example.com"), add("Mara@Example.com"), add("dev@example.com")

    tokens = [result.stdout.removesuffix("\n") for result in (first, again, other)]
    assert all(re.fullmatch(r"[\w-]{40,}", token) for token in tokens)
    assert len(set(tokens)) == 3
    mara, mara_again, dev = [await postgres_world.token_lookup.by_token(token) for token in tokens]
    assert mara == mara_again != dev
    assert None not in (mara, dev)


@pytest.mark.parametrize(
    "email", ["", "mara", "@example.com", "mara@", "a b@example.com", "a" * 320 + "@b.example"]
)
def test_user_add_refuses_a_text_that_is_not_an_e_mail_address(email: str) -> None:
    result = CliRunner().invoke(main, ["user", "add", email])

    assert result.exit_code != 0
    assert "is not an e-mail address" in result.stderr
    assert result.stdout == ""


async def test_a_users_table_that_requires_more_columns_is_an_error_that_names_the_column(
    shell: Shell, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("alter table users add column password_hash text not null")
    await connection.close()

    result = shell.run("user", "add", "a@b.example", TICKETS_DATABASE_URL=database_url)

    assert result.returncode == 1
    assert "password_hash" in result.stderr
    assert "Traceback" not in result.stderr


async def test_only_migrate_and_serve_take_over_a_platforms_tickets(
    shell: Shell, empty_database_url: str
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("create table users (id serial primary key, email varchar(255))")
    await connection.execute("create table tickets (id serial primary key)")
    await connection.close()

    for command in (["user", "add", "a@b.example"], ["close-resolved"]):
        result = shell.run(*command, TICKETS_DATABASE_URL=empty_database_url)
        assert result.returncode == 1
        assert "have not been taken over yet: run `tickets migrate`" in result.stderr


async def test_an_identity_query_that_does_not_return_an_integer_is_refused(
    shell: Shell, database_url: str
) -> None:
    file = shell.folder / "identity.sql"
    file.write_text("-- name: user_by_token\nselect 5000000000 where $1::text <> '';\n")

    result = shell.run("migrate", TICKETS_DATABASE_URL=database_url, TICKETS_IDENTITY=str(file))

    assert result.returncode == 2
    assert "must return the user's id, an integer" in result.stderr


def test_tokens_of_the_host_platform_cannot_be_managed(shell: Shell) -> None:
    for command in (["add", "a@b.example"], ["tokens", "a@b.example"], ["revoke", "1"]):
        result = shell.run("user", *command, TICKETS_IDENTITY="sessions")
        assert result.returncode == 1
        assert "TICKETS_IDENTITY is sessions" in result.stderr


def test_a_failed_check_has_another_exit_code_than_due_migrations(
    shell: Shell, empty_database_url: str
) -> None:
    def check(**settings: str) -> int:
        return shell.run("migrate", "--check", **settings).returncode

    assert check(TICKETS_DATABASE_URL=empty_database_url) == 1
    assert check(TICKETS_DATABASE_URL=f"postgresql://x@127.0.0.1:{free_port()}/x") == 2
    assert check(TICKETS_PORT="eighty") == 2


async def test_a_check_of_a_database_that_cannot_be_migrated_says_why(
    shell: Shell, empty_database_url: str
) -> None:
    def check(url: str) -> tuple[int, str]:
        result = shell.run("migrate", "--check", TICKETS_DATABASE_URL=url)
        return result.returncode, result.stderr

    async with a_role(empty_database_url) as role:
        code, error = check(role.url)
        assert (code, f"The role {role.name} may not create tables" in error) == (2, True)

        name = await role.owner.fetchval("select current_database()")
        await role.owner.execute(f"alter database {name} set default_transaction_read_only = on")
        code, error = check(empty_database_url)
        assert (code, "The database is read-only, so it cannot be migrated" in error) == (2, True)


async def test_a_check_says_that_tickets_will_be_taken_over(
    shell: Shell, empty_database_url: str
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(PLATFORM)
    await connection.close()

    result = shell.run("migrate", "--check", TICKETS_DATABASE_URL=empty_database_url)

    assert result.returncode == 1
    assert "The tickets that are there will be taken over" in result.stdout
    assert "previous release" not in result.stdout


async def test_close_resolved_closes_the_tickets_that_are_due_once(
    shell: Shell, database_url: str, database: Database, postgres_world: PostgresWorld
) -> None:
    world = postgres_world
    quiet = [await world.ticket(status=Status.RESOLVED) for _ in range(3)]
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)  # noqa: TID251 - the command's real time
    world.clock.moment = an_hour_ago
    recent = await world.ticket(status=Status.RESOLVED)
    assert world.clock.moment - START > timedelta(hours=168)

    def close(**settings: str) -> str:
        result = shell.run("close-resolved", TICKETS_DATABASE_URL=database_url, **settings)
        return result.stdout + result.stderr

    assert close() == "closed 3 resolved tickets\n"
    assert close() == "closed 0 resolved tickets\n"
    assert close(TICKETS_CLOSE_RESOLVED_AFTER="0.5") == "closed 1 resolved ticket\n"
    assert "TICKETS_CLOSE_RESOLVED_AFTER is 0" in close(TICKETS_CLOSE_RESOLVED_AFTER="0")

    for ticket in [*quiet, recent]:
        assert (await world.tickets.get(ticket.id)).status is Status.CLOSED
    await world.service.change_status(recent.id, "open", by=ADMIN)
    assert await database.fetchval("select count(*) from tickets") == 4


def test_the_demo_serves_the_product_and_its_curl_commands_work(shell: Shell) -> None:
    port = free_port()
    running = shell.start("demo", "--port", f"{port}")
    running.wait_for(r"curl -X PUT .*\n")
    calls = re.findall(r"^curl (?:.*\\\n)?.*$", running.output, re.MULTILINE)

    bodies: list[dict[str, Any]] = []
    for call in calls:
        opened = next((body["ticket"]["id"] for body in bodies if "ticket" in body), "")
        command = call.replace("/ID/", f"/{opened}/").replace(
            "curl ", "curl -sS --fail-with-body ", 1
        )
        response = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=30
        )
        assert response.returncode == 0, f"{command}: {response.stdout}{response.stderr}"
        bodies.append(json.loads(response.stdout))

    listed, unread, opened, all_tickets, replied, changed = bodies
    assert len(listed["tickets"]) == 12
    assert unread["unread"] > 0
    assert all_tickets["tickets"][0]["id"] == opened["ticket"]["id"]
    assert replied["message"]["sender_type"] == "admin"
    assert changed == {"success": True, "status": "in_progress"}
    token = running.wait_for(r"admin token\s+(\S+)")[1]
    root = f"http://127.0.0.1:{port}/api/v1/tickets"
    stats = httpx.get(f"{root}/admin/stats", headers={"X-Admin-Token": token}).json()
    assert stats["total_count"] == 41
    assert min(stats["categories"].values()) > 0
    statuses = ("open_count", "in_progress_count", "resolved_count", "closed_count", "unread_count")
    assert min(stats[name] for name in statuses) > 0
    assert running.stop() == 0


def test_the_demo_keeps_its_tickets_and_does_not_add_the_samples_twice(shell: Shell) -> None:
    counts = []
    for _ in range(2):
        port = free_port()
        running = shell.start("demo", "--port", f"{port}")
        token = running.wait_for(r"admin token\s+(\S+)")[1]
        headers = {"X-Admin-Token": token}
        stats = httpx.get(
            f"http://127.0.0.1:{port}/api/v1/tickets/admin/stats", headers=headers, timeout=30
        )
        counts.append(stats.json()["total_count"])
        running.stop()

    assert counts == [40, 40]


def test_help_lists_the_commands_and_version_prints_the_version(shell: Shell) -> None:
    assert "serve" in shell.run("--help").stdout
    assert re.fullmatch(r"tickets, version \d+\.\d+\.\d+\n", shell.run("--version").stdout)
