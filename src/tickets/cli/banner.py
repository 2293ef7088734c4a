"""What the service says of itself when it starts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version

import click

from tickets.cli.operations import Prepared
from tickets.demo import seed as demo
from tickets.observability import logs
from tickets.settings.settings import Settings

_SAMPLE = '{"category": "billing", "subject": "Charged twice", "message": "I was charged twice."}'

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not listened on


logger = logging.getLogger("tickets")


def announce(settings: Settings, place: str, prepared: Prepared) -> None:
    """Tell that the service starts: to a person in a few lines, to whatever reads JSON in one."""
    if logs.as_json(settings):
        # on one stream with all the others, and nothing else there
        logger.info(
            "tickets %s serves at %s. Stop with Ctrl-C.",
            version("tickets"),
            _base_url(settings),
            extra={"database": f"{prepared.postgres}, {place}", "schema": prepared.schema},
        )
        return
    click.echo("\n".join(address_lines(settings, place, prepared)))


def address_lines(settings: Settings, place: str, prepared: Prepared) -> Sequence[str]:
    """Return where the service is, which database it uses, and which version it is."""
    url = _base_url(settings)
    workers = f"{settings.workers} processes" if settings.workers > 1 else "1 process"
    return [
        f"tickets {version('tickets')}, {workers}",
        f"  Account   {url}/account",
        f"  Admin     {url}/admin",
        f"  API       {url}/api/v1/tickets",
        f"  Docs      {url}/schema",
        f"  Database  {prepared.postgres}, {place}",
        f"  Schema    {prepared.schema}",
        "Stop with Ctrl-C.",
    ]


def invitation_lines(settings: Settings, user_token: str) -> Sequence[str]:
    """Return the demo's links and tokens, and calls that are ready to be pasted.

    A link carries its token in the fragment, which a browser sends to no server.
    """
    url = _base_url(settings)
    tickets = f"{url}/api/v1/tickets"
    bearer = f"-H 'Authorization: Bearer {user_token}'"
    admin = f"-H 'X-Admin-Token: {settings.admin_token[0]}'"
    json = "-H 'Content-Type: application/json'"
    return [
        "",
        "Open both dashboards in a browser, ready to use:",
        f"  {demo.SIGNED_IN_USER}",
        f"    {url}/account#token={user_token}",
        "  The admin team",
        f"    {url}/admin#token={settings.admin_token[0]}",
        "",
        f"User   {demo.SIGNED_IN_USER}",
        f"  bearer token  {user_token}",
        "Admin",
        f"  admin token   {settings.admin_token[0]}",
        "",
        "# the user's tickets, and how many hold something unread",
        f"curl {bearer} {tickets}",
        f"curl {bearer} {tickets}/unread",
        "# the user opens a ticket",
        f"curl {bearer} {json} {tickets} \\",
        f"  -d '{_SAMPLE}'",
        "# the admins see it first in their list, and answer it (put its id for ID)",
        f"curl {admin} '{tickets}/admin/all?limit=3'",
        f"""curl {admin} {json} {tickets}/admin/ID/reply -d '{{"message": "We are on it."}}'""",
        f"""curl -X PUT {admin} {json} {tickets}/admin/ID/status -d '{{"status": "in_progress"}}'""",
        "",
    ]


def _base_url(settings: Settings) -> str:
    host = "localhost" if settings.host in _EVERYWHERE else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
