"""`tickets user`: creates users, and lists, creates and revokes their bearer tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from tickets.adapters.postgres.identity.token_admin import TokenEntry
from tickets.cli import operations
from tickets.cli.email_addresses import email_address
from tickets.cli.tables import table
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

TOKEN_ID = click.IntRange(1, 2**31 - 1)


@click.group()
def user() -> None:
    """Manage the service's own users and their tokens."""


@user.command(name="add")
@click.argument("email")
@click.pass_obj
def add_user(settings: Settings, email: str) -> None:
    """Find or create the user with this EMAIL, and print a new bearer token."""
    _check_identity(settings)
    email = email_address(email)
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        click.echo(asyncio.run(operations.new_token(target.settings, email)))


@user.command(name="tokens")
@click.argument("email")
@click.pass_obj
def list_tokens(settings: Settings, email: str) -> None:
    """List the tokens of the user with this EMAIL: id, times and state, never the token."""
    _check_identity(settings)
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        tokens = asyncio.run(operations.tokens_of(target.settings, email.strip()))
    if tokens is None:
        raise _no_user(email)
    click.echo("\n".join(_rows(tokens)) if tokens else f"{email.strip()} has no tokens")


@user.command(name="revoke")
@click.argument("token_ids", metavar="[ID]...", nargs=-1, type=TOKEN_ID)
@click.option(
    "--all", "email", metavar="EMAIL", help="Revoke every token of the user with this EMAIL."
)
@click.pass_obj
def revoke_tokens(settings: Settings, token_ids: Sequence[int], email: str | None) -> None:
    """Revoke the tokens with these IDs, or all tokens of one user.

    `tickets user tokens EMAIL` lists a user's tokens with their ids.

    A running service may honour a revoked token for one more second, or for up to
    TICKETS_TOKEN_CACHE seconds where it does not listen for changes.
    """
    _check_identity(settings)
    if bool(token_ids) == bool(email):
        raise click.UsageError("Give either the ids of tokens, or --all EMAIL.")
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        if email:
            count = asyncio.run(operations.revoke_all_tokens(target.settings, email.strip()))
            if count is None:
                raise _no_user(email)
            click.echo(f"revoked {count} token{'' if count == 1 else 's'} of {email.strip()}")
            return
        owners = asyncio.run(operations.revoke_tokens(target.settings, token_ids))
    for token_id, owner in owners.items():
        if owner is not None:
            click.echo(f"revoked token {token_id} of {owner}")
    if missing := [str(token_id) for token_id, owner in owners.items() if owner is None]:
        raise click.ClickException(
            f"There is no token {', '.join(missing)}: it was revoked before, or expired long ago."
        )


def _check_identity(settings: Settings) -> None:
    if settings.identity != "tokens":
        raise SettingsError(
            f"TICKETS_IDENTITY is {settings.identity}, so the host platform manages the tokens. "
            "`tickets user` works only with TICKETS_IDENTITY=tokens."
        )


def _no_user(email: str) -> click.ClickException:
    return click.ClickException(f"There is no user {email.strip()!r}.")


def _rows(tokens: Sequence[TokenEntry]) -> Sequence[str]:
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
    return table(rows)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
