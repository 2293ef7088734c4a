"""The start message: addresses, database and version; for the demo also tokens and curl calls."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version

import click

from tickets.cli.demo import DemoPeople
from tickets.cli.operations import SchemaState, TargetDatabase
from tickets.observability import logs
from tickets.settings.settings import Settings

_SAMPLE_TICKET = (
    '{"category": "billing", "subject": "Charged twice", "message": "I was charged twice."}'
)
_SAMPLE_REPLY = '{"message": "We are on it."}'
_SAMPLE_STATUS = '{"status": "in_progress"}'

_ALL_ADDRESSES = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not listened on


logger = logging.getLogger("tickets")


def announce(target: TargetDatabase, schema: SchemaState) -> None:
    """Announce the start: in a few lines of text, or as one log line where logs are JSON."""
    if logs.as_json(target.settings):
        # a log line, so that every line on the stream is JSON
        logger.info(
            "tickets %s serves at %s. Stop with Ctrl-C.",
            version("tickets"),
            _base_url(target.settings),
            extra={"database": f"{schema.server}, {target.location}", "schema": schema.outcome},
        )
        return
    click.echo("\n".join(address_lines(target, schema)))


def address_lines(target: TargetDatabase, schema: SchemaState) -> Sequence[str]:
    """Return the version, the service's addresses and its database, as lines of text."""
    url = _base_url(target.settings)
    workers = target.settings.workers
    return [
        f"tickets {version('tickets')}, {workers} process{'es' if workers > 1 else ''}",
        f"  Account   {url}/account",
        f"  Admin     {url}/admin",
        f"  API       {url}/api/v1/tickets",
        f"  Docs      {url}/schema",
        f"  Database  {schema.server}, {target.location}",
        f"  Schema    {schema.outcome}",
        "Stop with Ctrl-C.",
    ]


def demo_lines(settings: Settings, people: DemoPeople) -> Sequence[str]:
    """Return the demo's links and tokens, and curl commands that can be pasted.

    A link carries its token in the fragment, which a browser never sends to a server.
    """
    url = _base_url(settings)
    tickets = f"{url}/api/v1/tickets"
    bearer = f"-H 'Authorization: Bearer {people.token}'"
    admin = f"-H 'X-Admin-Token: {people.admin_token}'"
    json = "-H 'Content-Type: application/json'"
    return [
        "",
        "Open both dashboards in a browser, ready to use:",
        f"  {people.email}",
        f"    {url}/account#token={people.token}",
        f"  {people.admin_name}, one of three admins",
        f"    {url}/admin#token={people.admin_token}",
        "",
        f"User   {people.email}",
        f"  bearer token  {people.token}",
        f"Admin  {people.admin_name}",
        f"  admin token   {people.admin_token}",
        "",
        "# the user's tickets, and how many are unread",
        f"curl {bearer} {tickets}",
        f"curl {bearer} {tickets}/unread",
        "# the user opens a ticket",
        f"curl {bearer} {json} {tickets} \\",
        f"  -d '{_SAMPLE_TICKET}'",
        "# the admins see it first in their list, and reply (replace ID with its id)",
        f"curl {admin} '{tickets}/admin/all?limit=3'",
        f"curl {admin} {json} {tickets}/admin/ID/reply -d '{_SAMPLE_REPLY}'",
        f"curl -X PUT {admin} {json} {tickets}/admin/ID/status -d '{_SAMPLE_STATUS}'",
        "",
    ]


def _base_url(settings: Settings) -> str:
    host = "localhost" if settings.host in _ALL_ADDRESSES else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
