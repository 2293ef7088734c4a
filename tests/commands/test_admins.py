"""`tickets admin`: named admins are added, listed and disabled, and get new tokens."""

from __future__ import annotations

import re

import pytest

from tests.commands.conftest import Shell
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.people import MAX_ADMINS, Actor
from tickets.domain.ticket import Status

TOKEN = re.compile(r"tk_[\w-]{43}\n")
"""All that is on standard output where a command prints a token."""


class AdminCommand:
    """Runs `tickets admin` on one database; returns exit code, output and errors."""

    def __init__(self, shell: Shell, url: str) -> None:
        self._shell = shell
        self._url = url

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        result = self._shell.run("admin", *arguments, TICKETS_DATABASE_URL=self._url)
        return result.returncode, result.stdout, result.stderr

    def refusal(self, *arguments: str) -> str:
        """Return the one line with which a command is refused."""
        code, output, error = self(*arguments)
        assert (code, output, error.count("\n")) == (1, "", 1)
        return error


@pytest.fixture
def tickets_admin(shell: Shell, database_url: str) -> AdminCommand:
    return AdminCommand(shell, database_url)


async def test_add_prints_the_token_alone_and_list_never_does(
    tickets_admin: AdminCommand, postgres_world: PostgresWorld
) -> None:
    code, token, message = tickets_admin("add", " Nadia  Berg ", "nadia@example.com")

    assert code == 0
    assert TOKEN.fullmatch(token)
    assert "added Nadia  Berg <nadia@example.com>" in message
    assert token.strip() not in message
    admin = await postgres_world.admin_lookup.by_token(token.strip())
    assert admin is not None
    assert admin.name == "Nadia  Berg"
    code, output, _ = tickets_admin("list")
    assert code == 0
    assert [line.split("  ")[0].strip() for line in output.splitlines()] == ["id", str(admin.id)]
    assert "Nadia  Berg  nadia@example.com  active" in output
    assert token.strip() not in output


async def test_a_new_token_ends_the_old_one(
    tickets_admin: AdminCommand, postgres_world: PostgresWorld
) -> None:
    admin, old = await postgres_world.admin_with_token("Nadia", "nadia@example.com")

    code, token, message = tickets_admin("token", "Nadia@example.com")

    assert (code, bool(TOKEN.fullmatch(token))) == (0, True)
    assert token.strip() not in message
    assert await postgres_world.admin_lookup.by_token(old) is None
    assert await postgres_world.admin_lookup.by_token(token.strip()) == admin


async def test_a_disabled_admin_is_signed_out_and_the_tickets_count_as_unassigned(
    tickets_admin: AdminCommand, postgres_world: PostgresWorld, database: Database
) -> None:
    admin, token = await postgres_world.admin_with_token("Nadia", "nadia@example.com")
    for status in (Status.OPEN, Status.RESOLVED, Status.CLOSED):
        ticket = await postgres_world.ticket(status=status)
        await database.fetch(
            "update tickets set assignee_id = $1 where id = $2", admin.id, ticket.id
        )

    code, output, message = tickets_admin("disable", "nadia@example.com")

    assert (code, output) == (0, "")
    assert "disabled nadia@example.com; 2 open tickets count as unassigned" in message
    assert await postgres_world.admin_lookup.by_token(token) is None
    code, _, message = tickets_admin("disable", "nadia@example.com")
    assert (code, "was disabled already" in message) == (0, True)
    assert re.search(r"nadia@example.com  disabled  0\n", tickets_admin("list")[1])
    # added again, the admin is enabled, with the same tickets
    assert tickets_admin("add", "Nadia Berg", "nadia@example.com")[0] == 0
    assert re.search(r"Nadia Berg  nadia@example.com  active  +2\n", tickets_admin("list")[1])


async def test_disable_hands_open_tickets_over(
    tickets_admin: AdminCommand, postgres_world: PostgresWorld, database: Database
) -> None:
    nadia = await postgres_world.admin("Nadia", "nadia@example.com")
    omar = await postgres_world.admin("Omar", "omar@example.com")
    others = await postgres_world.ticket()
    service, ids = postgres_world.service, {}
    for status in Status:
        ticket = await postgres_world.ticket(status=Status.OPEN)
        await service.reply(ticket.id, "On it.", by=Actor.named(nadia))
        await service.change_status(ticket.id, status.value, by=Actor.named(nadia))
        ids[status] = ticket.id

    code, output, message = tickets_admin(
        "disable", "nadia@example.com", "--to", "OMAR@example.com"
    )

    assert (code, output) == (0, "")
    assert "disabled nadia@example.com; 3 open tickets handed over to OMAR@example.com" in message
    for status, ticket_id in ids.items():
        assignee = (await postgres_world.tickets.get(ticket_id)).assignee
        assert assignee == (None if status is Status.CLOSED else omar)
    assert (await postgres_world.tickets.get(others.id)).assignee is None
    events = await database.fetch(
        """select ticket_id, by, before, after from ticket_events
            where kind = 'assignee' and before is not null order by ticket_id"""
    )
    assert [tuple(event) for event in events] == [
        (ticket_id, "admin", "Nadia", "Omar")
        for status, ticket_id in ids.items()
        if status is not Status.CLOSED
    ]


async def test_wrong_arguments_are_refused_in_a_sentence(
    tickets_admin: AdminCommand, postgres_world: PostgresWorld, database: Database
) -> None:
    admin = await postgres_world.admin("Nadia", "nadia@example.com")
    gone = await postgres_world.admin("Gone", "gone@example.com")
    await postgres_world.disable(gone)
    before = await postgres_world.snapshot()

    refusal = tickets_admin.refusal
    assert "`tickets admin token nadia@example.com` makes a new token" in refusal(
        "add", "Another", "nadia@example.com"
    )
    assert "is not an e-mail address" in refusal("add", "Nadia", "nadia")
    assert "Name must not be empty" in refusal("add", " ", "n@example.com")
    assert "Name must be 1 to 100 characters long" in refusal("add", "x" * 101, "n@example.com")
    for command in ("token", "disable"):
        assert "There is no admin 'no@example.com'" in refusal(command, "no@example.com")
    assert "gone@example.com is disabled" in refusal("token", "gone@example.com")
    for to, reason in (
        ("no@example.com", "There is no admin"),
        ("gone@example.com", "is disabled"),
        ("nadia@example.com", "must name another admin"),
    ):
        assert reason in refusal("disable", "nadia@example.com", "--to", to)
    assert await postgres_world.snapshot() == before
    await database.fetch(
        "insert into ticket_admins (name, email) select n, n from generate_series(2, $1::int) as n",
        MAX_ADMINS,
    )
    assert f"There are {MAX_ADMINS} active admins" in refusal("add", "Omar", "omar@example.com")
    assert await postgres_world.admins.get(admin.id) == admin
