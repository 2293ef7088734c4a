"""Verification by the commands: at the start of `serve`, after `migrate`, and `tickets verify`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence

import click

from tickets.adapters.postgres.connection.connect import connected, location
from tickets.adapters.postgres.schema.migration_lock import migration_lock
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.adapters.postgres.verification.findings import CannotServe, Finding
from tickets.adapters.postgres.verification.verifier import Verifier
from tickets.cli import operations
from tickets.settings.settings import Settings

logger = logging.getLogger("tickets")


async def verify_at_start(settings: Settings) -> Sequence[Finding]:
    """Verify and repair a migrated database before it is served; return what was found.

    Takes a few seconds at most, under the migration lock, so that processes which start together
    do it one after the other. Raises `CannotServe` for what makes requests fail and cannot be
    repaired, such as a missing right; a database that is read-only can be served.
    """
    url = operations.url_of(settings)
    async with connected(url) as connection, migration_lock(connection):
        verifier = Verifier(
            connection, repair=True, identity_query=operations.identity_of(settings).query
        )
        findings = await verifier.at_start()
    if fatal := [finding.detail for finding in findings if finding.prevents_start]:
        raise CannotServe(f"The database at {location(url)} cannot be served: {'; '.join(fatal)}.")
    return findings


def log(findings: Sequence[Finding]) -> None:
    """Log what was found at the start of a service."""
    for finding in findings:
        logger.warning("verification: %s", finding)


async def verify_in_full(settings: Settings, *, repair: bool) -> Sequence[Finding]:
    """Verify everything; return what was found. Raises `CannotConnect` and `MigrationError`."""
    async with connected(operations.url_of(settings)) as connection:
        migrator = Migrator(connection)
        if due := await migrator.due():
            missing = (
                "the database has not been migrated"
                if await migrator.is_unused()
                else f"due: {operations.titles(due)}"
            )
            return [Finding("migrations", f"{missing}; run `tickets migrate` first")]
        verifier = Verifier(
            connection, repair=repair, identity_query=operations.identity_of(settings).query
        )
        return await verifier.in_full()


@click.command()
@click.option("--repair", is_flag=True, help="Repair what is safe to repair.")
@click.pass_obj
def verify(settings: Settings, *, repair: bool) -> None:
    """Verify what is derived: counts, sequences, triggers, rights.

    Prints one line for each finding. Exits with 0 if all is well, after repairs, and with 1 if
    something remains.
    """
    with operations.database(settings) as target:
        findings = asyncio.run(verify_in_full(target.settings, repair=repair))
        for finding in findings:
            click.echo(str(finding))
        click.echo(f"{target.location}: {_summary(findings, repair=repair)}")
    sys.exit(0 if all(finding.is_repaired for finding in findings) else 1)


def _summary(findings: Sequence[Finding], *, repair: bool) -> str:
    if not findings:
        return "all is well"
    found = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
    if repair:
        repaired = sum(finding.is_repaired for finding in findings)
        return f"{found}, {repaired} repaired, {len(findings) - repaired} remaining"
    repairable = sum(finding.is_repairable for finding in findings)
    return f"{found}; `tickets verify --repair` repairs {repairable}" if repairable else found
