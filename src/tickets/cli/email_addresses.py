"""E-mail addresses as arguments of commands."""

from __future__ import annotations

import click

MAX_EMAIL_LENGTH = 320
"""Characters: the limit of the columns, and of RFC 3696."""


def email_address(text: str) -> str:
    """Return an address without surrounding spaces; raise `ClickException` for anything else."""
    email = text.strip()
    name, _, domain = email.rpartition("@")
    if not (
        name
        and domain
        and email.isprintable()
        and " " not in email
        and len(email) <= MAX_EMAIL_LENGTH
    ):
        raise click.ClickException(f"{email!r} is not an e-mail address.")
    return email
