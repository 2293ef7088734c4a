"""`tickets mail`: sends a mail to try the settings, and releases suspended addresses."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from email.policy import SMTP

import click

from tickets.adapters.postgres.repositories.mailbook import PostgresMailbook
from tickets.bootstrap import database_of
from tickets.cli import operations
from tickets.cli.email_addresses import email_address
from tickets.clock import SystemClock
from tickets.delivery_services import mailer_of
from tickets.domain.mail_news import is_usable
from tickets.domain.mails import MailFailed
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings


@click.group()
def mail() -> None:
    """Try the settings of e-mail, and release addresses."""


@mail.command(name="test")
@click.argument("address")
@click.pass_obj
def test_mail(settings: Settings, address: str) -> None:
    """Send a mail to ADDRESS at once, and say what the mail server answers."""
    mailer = mailer_of(settings, SystemClock())
    if mailer is None:
        raise SettingsError(
            "E-mail is off: TICKETS_SMTP_URL, TICKETS_MAIL_FROM and TICKETS_PUBLIC_URL are not set."
        )
    address = email_address(address)
    if not is_usable(address):
        raise click.ClickException(f"No mail can be sent to {address!r}.")
    try:
        asyncio.run(mailer.send_content([address], _trial(settings, address)))
    except MailFailed as error:
        raise click.ClickException(f"The mail was not accepted: {error}") from error
    click.echo(f"the mail server has accepted a mail to {address}", err=True)


@mail.command(name="release")
@click.argument("address")
@click.pass_obj
def release_address(settings: Settings, address: str) -> None:
    """Send mails to ADDRESS again, which mail servers have refused."""
    address = email_address(address)
    with operations.database(settings) as target:
        asyncio.run(operations.migrate(target.settings, take_over=False))
        if not asyncio.run(_release(target.settings, address)):
            raise click.ClickException(f"{address} is not suspended.")
    click.echo(f"{address} gets mails again", err=True)


async def _release(settings: Settings, address: str) -> bool:
    async with database_of(settings).open() as database:
        return await PostgresMailbook(database).release(address)


def _trial(settings: Settings, address: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail_from
    message["To"] = address
    message["Subject"] = "E-mail of the support desk works"
    message["Date"] = SystemClock().now()
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"Links in mails begin with this address:\n\n{settings.public_url}\n")
    return message.as_bytes()
