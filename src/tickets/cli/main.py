"""The command line: what an operator types, and what is answered."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import click

from tickets.adapters.postgres.connection.connect import CannotConnect
from tickets.adapters.postgres.schema.migrations import MigrationError
from tickets.cli import banner, operations
from tickets.cli.users import user
from tickets.domain.errors import TicketsError
from tickets.embedded_postgres.data_folder import default_folder
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.observability import telemetry
from tickets.server import run as server
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

# What an operator can put right, each with a sentence of its own; anything else is a defect and shows its traceback.
EXPLAINED = (
    SettingsError,
    CannotConnect,
    MigrationError,
    EmbeddedPostgresError,
    server.AddressInUse,
    server.ServiceFailed,
    TicketsError,
)


class _CannotTell(click.ClickException):
    """`tickets migrate` has failed; there 1 is an answer: something is due."""

    exit_code = 2


class _Explaining(click.Group):
    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401 - the signature of the base class
        try:
            return super().invoke(context)
        except EXPLAINED as error:
            failure = (
                _CannotTell if context.invoked_subcommand == "migrate" else click.ClickException
            )
            raise failure(" ".join(str(error).splitlines())) from error


@click.group(cls=_Explaining, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("tickets"), prog_name="tickets")
@click.pass_context
def main(context: click.Context) -> None:
    """Support tickets between the users of a platform and its admin team."""
    # Windows has no SIGHUP
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        # leaves through every `with` on the way, and so stops a PostgreSQL that is our own
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    context.obj = Settings.read(os.environ)


HOST = click.option("--host", help="The address to listen on. [TICKETS_HOST, 127.0.0.1]")
PORT = click.option(
    "--port", type=click.IntRange(1, 65535), help="The port to listen on. [TICKETS_PORT, 8000]"
)


@main.command()
@HOST
@PORT
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Server processes. [TICKETS_WORKERS, 1]"
)
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None, workers: int | None) -> None:
    """Bring the database up to date, then serve until SIGTERM or Ctrl-C."""
    if not settings.admin_token:
        message = (
            "TICKETS_ADMIN_TOKEN is not set: it is what the admin side signs in with. For example: "
            f"export TICKETS_ADMIN_TOKEN={secrets.token_urlsafe(24)}"
        )
        raise SettingsError(message)
    settings = _listening(settings, host, port, workers)
    with (
        server.listen(settings.host, settings.port) as listener,
        operations.database(settings) as (on, place),
    ):
        state = asyncio.run(operations.prepare(on))
        banner.announce(on, place, state)
        _serve(on, listener)


@main.command(name="demo")
@HOST
@PORT
@click.pass_obj
def demo_(settings: Settings, host: str | None, port: int | None) -> None:
    """Show the whole product with sample data, on a PostgreSQL of its own."""
    settings = replace(
        _listening(settings, host, port, None),
        # somebody looks at it, however it was started
        log_format="text" if settings.log_format == "auto" else settings.log_format,
        database_url=None,
        data_folder=(settings.data_folder or default_folder()).with_name("demo-postgres-18"),
        identity="tokens",
        workers=1,
        admin_token=(secrets.token_urlsafe(24),),
    )
    with (
        server.listen(settings.host, settings.port) as listener,
        operations.database(settings) as (on, place),
    ):
        state = asyncio.run(operations.prepare(on))
        token = asyncio.run(operations.demo_token(on))
        click.echo("\n".join(banner.address_lines(on, place, state)))
        click.echo("\n".join(banner.invitation_lines(on, token)))
        _serve(on, listener)


@main.command()
@click.option(
    "--check",
    is_flag=True,
    help="Only tell what is due; exit 1 where something is, 2 where that cannot be told.",
)
@click.pass_obj
def migrate(settings: Settings, *, check: bool) -> None:
    """Bring the database's schema up to date."""
    with operations.database(settings) as (on, place):
        if not check:
            click.echo(f"{place}: {asyncio.run(operations.prepare(on)).schema}")
            return
        due = asyncio.run(operations.due_migrations(on))
        click.echo(f"{place}: {f'due: {operations.titles(due)}' if due else 'up to date'}")
        sys.exit(1 if due else 0)


main.add_command(user)


@main.command()
@click.pass_obj
def close_resolved(settings: Settings) -> None:
    """Close the resolved tickets that have been quiet long enough, once, and say how many."""
    if not settings.close_resolved_after:
        message = (
            "TICKETS_CLOSE_RESOLVED_AFTER is 0: resolved tickets are never closed by themselves."
        )
        raise SettingsError(message)
    with operations.database(settings) as (on, _place):
        asyncio.run(operations.prepare(on, take_over=False))
        closed = asyncio.run(operations.close_resolved(on))
        click.echo(f"closed {closed} resolved ticket{'' if closed == 1 else 's'}")


def _listening(
    settings: Settings, host: str | None, port: int | None, workers: int | None
) -> Settings:
    """Let the command's options go before the environment's settings, which are enough to serve with."""
    telemetry.check_extra(settings)
    return replace(
        settings,
        host=host or settings.host,
        port=port or settings.port,
        workers=workers or settings.workers,
    )


def _serve(settings: Settings, listener: socket.socket) -> None:
    # server processes read their settings from the environment, as they are here
    os.environ.update(settings.environment())
    server.run(listener, settings)
