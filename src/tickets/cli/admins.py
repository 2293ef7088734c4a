"""`tickets admin`: adds, lists and disables named admins, and replaces their tokens.

A token is the only thing on standard output, so that a script can read it; sentences are on
standard error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import click

from tickets.adapters.postgres.identity.admin_accounts import AdminAccount, AdminAccounts
from tickets.adapters.postgres.identity.admins import PostgresAdmins
from tickets.application.hand_over import HandOver
from tickets.bootstrap import Store, database_of
from tickets.cli import operations
from tickets.cli.email_addresses import email_address
from tickets.cli.tables import table
from tickets.clock import SystemClock
from tickets.domain.people import MAX_ADMINS, AdminEntry, NamedAdmin
from tickets.domain.text_limits import ADMIN_NAME
from tickets.domain.text_rules import Validation
from tickets.settings.settings import Settings


@click.group()
def admin() -> None:
    """Manage the named admins and their tokens."""


@admin.command(name="add")
@click.argument("name")
@click.argument("email")
@click.pass_obj
def add_admin(settings: Settings, name: str, email: str) -> None:
    """Add an admin, or enable a disabled one again, and print the new token.

    Customers and colleagues see the NAME. The EMAIL is for colleagues only.
    """
    email = email_address(email)
    validation = Validation()
    name = validation.text("name", name, ADMIN_NAME)
    validation.finish()
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        token = asyncio.run(_add(target.settings, name, email))
    click.echo(f"added {name} <{email}>. The token is shown this once:", err=True)
    click.echo(token)


@admin.command(name="list")
@click.pass_obj
def list_admins(settings: Settings) -> None:
    """List the admins: id, name, address, state and open tickets, never a token."""
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        entries = asyncio.run(_entries(target.settings))
    click.echo("\n".join(table(_rows(entries))) if entries else "there are no named admins")


@admin.command(name="token")
@click.argument("email")
@click.pass_obj
def replace_token(settings: Settings, email: str) -> None:
    """Print a new token of the admin with this EMAIL; the old one ends.

    A running service honours the old one for one more second at most, or for up to
    TICKETS_TOKEN_CACHE seconds where it does not listen for changes.
    """
    email = email_address(email)
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        token = asyncio.run(_new_token(target.settings, email))
    click.echo(f"the old token of {email} has ended. The new one is shown this once:", err=True)
    click.echo(token)


@admin.command(name="disable")
@click.argument("email")
@click.option("--to", metavar="EMAIL", help="Hand the open tickets over to this admin.")
@click.pass_obj
def disable_admin(settings: Settings, email: str, to: str | None) -> None:
    """Disable the admin with this EMAIL: the token ends, the name stays in the history.

    The admin's open tickets count as unassigned, unless they are handed over. `tickets admin add`
    with the same address enables the admin again. A command that was interrupted can be repeated.
    """
    email, to = email_address(email), None if to is None else email_address(to)
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        disabled = asyncio.run(_disable(target.settings, email, to))
    click.echo(disabled.sentence(email, to), err=True)


@dataclass(frozen=True, slots=True)
class _Disabled:
    """The outcome of `disable`: the number of open tickets, and whether it changed anything."""

    tickets: int
    was_active: bool

    def sentence(self, email: str, to: str | None) -> str:
        outcome = f"disabled {email}" if self.was_active else f"{email} was disabled already"
        tickets = f"{self.tickets} open ticket{'' if self.tickets == 1 else 's'}"
        if to is not None:
            return f"{outcome}; {tickets} handed over to {to}"
        return f"{outcome}; {tickets} count{'s' if self.tickets == 1 else ''} as unassigned"


@dataclass(frozen=True, slots=True)
class _Team:
    """What the commands work on."""

    accounts: AdminAccounts
    admins: PostgresAdmins
    hand_over: HandOver

    async def find(self, email: str) -> AdminAccount:
        """Return the admin with this address; raise `ClickException` where there is none."""
        account = await self.accounts.find(email)
        if account is None:
            raise click.ClickException(
                f"There is no admin {email!r}. `tickets admin list` shows all of them."
            )
        return account

    async def find_active(self, email: str) -> AdminAccount:
        """Return the admin with this address; raise `ClickException` for a disabled one, too."""
        account = await self.find(email)
        if not account.active:
            raise click.ClickException(
                f"{email} is disabled. `tickets admin add NAME {email}` enables the admin again."
            )
        return account


@asynccontextmanager
async def _team(settings: Settings) -> AsyncIterator[_Team]:
    async with database_of(settings).open() as database:
        admins = PostgresAdmins(database)
        tickets = Store.on(database, None).tickets
        hand_over = HandOver(tickets, admins, SystemClock())
        yield _Team(AdminAccounts(database), admins, hand_over)


async def _add(settings: Settings, name: str, email: str) -> str:
    async with _team(settings) as team:
        token = await team.accounts.add(name, email)
        if token is not None:
            return token
        account = await team.accounts.find(email)
        if account is not None and account.active:
            raise click.ClickException(
                f"There is an admin {email!r} already, {account.name}. "
                f"`tickets admin token {email}` makes a new token."
            )
        raise click.ClickException(
            f"There are {MAX_ADMINS} active admins, which is the most. "
            f"`tickets admin disable EMAIL` makes room."
        )


async def _entries(settings: Settings) -> Sequence[AdminEntry]:
    async with _team(settings) as team:
        return await team.admins.entries()


async def _new_token(settings: Settings, email: str) -> str:
    async with _team(settings) as team:
        account = await team.find_active(email)
        token = await team.accounts.new_token(account.id)
        if token is None:
            raise click.ClickException(f"{email} has been disabled meanwhile.")
        return token


async def _disable(settings: Settings, email: str, to: str | None) -> _Disabled:
    async with _team(settings) as team:
        account = await team.find(email)
        if to is None:
            was_active = await team.accounts.disable(account.id)
            return _Disabled(await _count_assigned(team, account.id), was_active)
        successor = await team.find_active(to)
        if successor.id == account.id:
            raise click.ClickException(f"--to must name another admin than {email}.")
        # First the token, as it may be in the wrong hands. Then the tickets, whose history names
        # the admin only while active. A last look finds what was assigned meanwhile.
        await team.accounts.end_sessions(account.id)
        receiver = NamedAdmin(successor.id, successor.name)
        handed_over = await team.hand_over.hand_over(account.id, receiver)
        was_active = await team.accounts.disable(account.id)
        handed_over += await team.hand_over.hand_over(account.id, receiver)
        return _Disabled(handed_over, was_active)


async def _count_assigned(team: _Team, admin_id: int) -> int:
    return len(await team.admins.assigned_to(admin_id, after=0, limit=2**31 - 1))


def _rows(entries: Sequence[AdminEntry]) -> Sequence[Sequence[str]]:
    return [
        ("id", "name", "email", "state", "open"),
        *(
            (
                str(entry.id),
                entry.name,
                entry.email,
                "active" if entry.active else "disabled",
                str(entry.open),
            )
            for entry in entries
        ),
    ]
