"""The command line `tickets`: serve, demo, migrate, verify, user, admin, close-resolved."""

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
from tickets.adapters.postgres.verification.findings import CannotServe
from tickets.cli import banner, operations, verification
from tickets.cli import demo as demo_data
from tickets.cli.admins import admin
from tickets.cli.mail import mail
from tickets.cli.options import setting_option
from tickets.cli.users import user
from tickets.cli.webhooks import webhook
from tickets.domain.errors import TicketsError
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.observability import telemetry
from tickets.server import run as server
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings
from tickets.sign_in import SIGNED

EXPECTED_ERRORS = (
    SettingsError,
    CannotConnect,
    CannotServe,
    MigrationError,
    EmbeddedPostgresError,
    server.AddressInUse,
    server.ServiceFailed,
    TicketsError,
)
"""Errors that an operator can correct: one line each. Any other is a bug, with its traceback."""


class _CheckFailed(click.ClickException):
    """`migrate` or `verify` failed; their exit code 1 is taken, for what is due or remains."""

    exit_code = 2


class _ErrorReportingGroup(click.Group):
    """Reports an expected error in one line on standard error."""

    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401 - as click has it
        try:
            return super().invoke(context)
        except EXPECTED_ERRORS as error:
            has_own_code = context.invoked_subcommand in ("migrate", "verify")
            failure = _CheckFailed if has_own_code else click.ClickException
            raise failure(" ".join(str(error).splitlines())) from error


@click.group(cls=_ErrorReportingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("tickets"), prog_name="tickets")
@click.pass_context
def main(context: click.Context) -> None:
    """Support tickets between the users of a platform and its admin team."""
    # Windows has no SIGHUP, and `nohup` ignores it
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        # SystemExit unwinds every `with` block, and so stops the embedded PostgreSQL
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    context.obj = Settings.read(os.environ)


@main.command()
@setting_option("host")
@setting_option("port")
@setting_option("workers")
@click.pass_obj
def serve(settings: Settings, /, **options: str | int | None) -> None:
    """Migrate and verify the database, then serve until SIGTERM, SIGHUP or Ctrl-C."""
    if not settings.admin_token and settings.identity != SIGNED:
        raise SettingsError(
            "TICKETS_ADMIN_TOKEN is not set: it is the token that admins sign in with. "
            f"For example: export TICKETS_ADMIN_TOKEN={secrets.token_urlsafe(24)}"
        )
    settings = _with_options(settings, options)
    with (
        server.listen(settings.host, settings.port) as listener,
        operations.database(settings, serves=True) as target,
    ):
        schema = asyncio.run(operations.migrate(target.settings))
        verification.log(asyncio.run(verification.verify_at_start(target.settings)))
        banner.announce(target, schema)
        _serve(target.settings, listener)


@main.command()
@setting_option("host")
@setting_option("port")
@click.pass_obj
def demo(settings: Settings, /, **options: str | int | None) -> None:
    """Serve the whole product with sample data, on a PostgreSQL of its own."""
    settings = replace(
        _with_options(settings, options),
        # for the person who started it, even where standard output is no terminal
        log_format="text" if settings.log_format == "auto" else settings.log_format,
        database_url=None,
        identity="tokens",
        workers=1,
        admin_token=(secrets.token_urlsafe(24),),
    )
    with (
        server.listen(settings.host, settings.port) as listener,
        operations.database(settings, serves=True, is_demo=True) as target,
    ):
        schema = asyncio.run(operations.migrate(target.settings))
        verification.log(asyncio.run(verification.verify_at_start(target.settings)))
        people = asyncio.run(demo_data.seed_demo(target.settings))
        click.echo("\n".join(banner.address_lines(target, schema)))
        click.echo("\n".join(banner.demo_lines(target.settings, people)))
        _serve(target.settings, listener)


@main.command()
@click.option(
    "--check",
    is_flag=True,
    help="Only say which migrations are due, which one is half done, and whether the previous "
    "release may serve meanwhile. Exits with 1 if any are due, 2 if it cannot tell or they cannot "
    "be applied.",
)
@click.pass_obj
def migrate(settings: Settings, *, check: bool) -> None:
    """Migrate and verify the database."""
    with operations.database(settings) as target:
        if not check:
            schema = asyncio.run(operations.migrate(target.settings))
            click.echo(f"{target.location}: {schema.outcome}")
            for finding in asyncio.run(verification.verify_at_start(target.settings)):
                click.echo(str(finding))
            return
        due = asyncio.run(operations.due_migrations(target.settings))
        outcome = f"due: {operations.titles(due.migrations)}" if due.migrations else "up to date"
        click.echo("\n".join([f"{target.location}: {outcome}", *due.sentences()]))
        sys.exit(1 if due.migrations else 0)


main.add_command(verification.verify)
main.add_command(user)
main.add_command(admin)
main.add_command(webhook)
main.add_command(mail)


@main.command()
@click.pass_obj
def close_resolved(settings: Settings) -> None:
    """Close the resolved tickets that are due, once."""
    if not settings.close_resolved_after:
        raise SettingsError(
            "TICKETS_CLOSE_RESOLVED_AFTER is 0, so resolved tickets are never closed "
            "automatically. Set it to a number of hours."
        )
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        closed = asyncio.run(operations.close_resolved(target.settings))
        click.echo(f"closed {closed} resolved ticket{'' if closed == 1 else 's'}")


def _with_options(settings: Settings, options: dict[str, Any]) -> Settings:
    """Return the settings of `serve` or `demo`: an option that was given overrides its setting."""
    telemetry.check_extra(settings)
    given = {name: value for name, value in options.items() if value is not None}
    return replace(settings, **given)


def _serve(settings: Settings, listener: socket.socket) -> None:
    # a server process reads its settings from the environment that it inherits
    os.environ.update(settings.environment())
    server.run(listener, settings)
