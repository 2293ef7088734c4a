"""`tickets user`: the service's own users, and the tokens that they sign in with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from tickets.adapters.postgres.identity.token_admin import TokenEntry
from tickets.cli import operations
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

LONGEST_EMAIL = 320
"""Characters, as the column and the mail standards have it."""

TOKEN_ID = click.IntRange(1, 2**31 - 1)


@click.group()
def user() -> None:
    """Manage the service's own users and their tokens."""


@user.command(name="add")
@click.argument("email")
@click.pass_obj
def add_user(settings: Settings, email: str) -> None:
    """Create or find the user with this EMAIL, and print a new bearer token."""
    _check_whose_tokens(settings)
    email = email.strip()
    name, _, domain = email.rpartition("@")
    if not (
        name and domain and email.isprintable() and " " not in email and len(email) <= LONGEST_EMAIL
    ):
        message = f"{email!r} is not an e-mail address."
        raise click.ClickException(message)
    with operations.database(settings) as (on, _place):
        asyncio.run(operations.prepare(on, take_over=False))
        click.echo(asyncio.run(operations.new_token(on, email)))


@user.command(name="tokens")
@click.argument("email")
@click.pass_obj
def list_tokens(settings: Settings, email: str) -> None:
    """List the tokens of the user with this EMAIL: id, times and state, never the token itself."""
    _check_whose_tokens(settings)
    with operations.database(settings) as (on, _place):
        asyncio.run(operations.prepare(on, take_over=False))
        tokens = asyncio.run(operations.tokens_of(on, email.strip()))
    if tokens is None:
        raise _no_user(email)
    click.echo("\n".join(_table(tokens)) if tokens else f"{email.strip()} has no tokens")


@user.command(name="revoke")
@click.argument("token_ids", metavar="[ID]...", nargs=-1, type=TOKEN_ID)
@click.option("--all", "email", metavar="EMAIL", help="Every token of the user with this EMAIL.")
@click.pass_obj
def revoke_tokens(settings: Settings, token_ids: Sequence[int], email: str | None) -> None:
    """Take tokens back: those with these IDs, or all of one user.

    A running service honours them for up to TICKETS_TOKEN_CACHE seconds yet.

    `tickets user tokens EMAIL` lists a user's tokens with their ids.
    """
    _check_whose_tokens(settings)
    if bool(token_ids) == bool(email):
        message = "Name either the ids of tokens, or a user with --all EMAIL."
        raise click.UsageError(message)
    with operations.database(settings) as (on, _place):
        asyncio.run(operations.prepare(on, take_over=False))
        if email:
            count = asyncio.run(operations.revoke_all_tokens(on, email.strip()))
            if count is None:
                raise _no_user(email)
            click.echo(f"revoked {count} token{'' if count == 1 else 's'} of {email.strip()}")
            return
        owners = asyncio.run(operations.revoke_tokens(on, token_ids))
    for token_id, owner in owners.items():
        if owner is not None:
            click.echo(f"revoked token {token_id} of {owner}")
    if missing := [str(token_id) for token_id, owner in owners.items() if owner is None]:
        message = (
            f"There is no token {', '.join(missing)}: it was revoked before, or has long expired."
        )
        raise click.ClickException(message)


def _check_whose_tokens(settings: Settings) -> None:
    if settings.identity != "tokens":
        message = (
            f"TICKETS_IDENTITY is {settings.identity}: tokens are the host platform's to give out, "
            f"and to take back."
        )
        raise SettingsError(message)


def _no_user(email: str) -> click.ClickException:
    return click.ClickException(f"There is no user {email.strip()!r}.")


def _table(tokens: Sequence[TokenEntry]) -> Sequence[str]:
    rows = [("id", "created", "expires", "state")]
    rows += [
        (
            str(token.id),
            _time(token.created_at),
            _time(token.expires_at),
            "good" if token.good else "expired",
        )
        for token in tokens
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
