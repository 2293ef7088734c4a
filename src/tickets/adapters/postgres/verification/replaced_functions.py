"""Compares the functions in use with those of the migrations: triggers are as right as they are."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.adapters.postgres.schema.function_bodies import function_bodies, with_newlines
from tickets.adapters.postgres.schema.migration_transactions import Transactions
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification.findings import Finding


async def replaced_functions(transactions: Transactions) -> Sequence[Finding]:
    """Return a finding for each function that is missing, or has another body than ours.

    Nobody knows why it was replaced, so it is named and not restored.
    """
    wanted = function_bodies()
    query = load_queries("verification")["our_functions"].bind(names=sorted(wanted))
    async with transactions.open():
        rows = await transactions.connection.fetch(*query)
    findings = []
    for row in rows:
        if row["body"] is None:
            what = "is missing"
        elif with_newlines(row["body"]) != wanted[row["name"]]:
            what = "is not the one that the migrations created"
        else:
            continue
        detail = f"function {row['name']} {what}: restore it from a backup of the schema"
        findings.append(Finding("functions", detail))
    return findings
