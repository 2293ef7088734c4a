"""Tries every statement of the service, without running it: `explain` checks rights and names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import asyncpg

from tickets.adapters.postgres.schema.migration_transactions import Transactions
from tickets.adapters.postgres.sql_loader import load_queries, query_files
from tickets.adapters.postgres.verification.findings import Finding

OTHER_FILES = {
    "demo",  # empties tables, in the demo's own database alone
    "identity_sessions",  # a platform's table, which is tried where it is used
    "migrations",  # needs rights on the schema, which a serving process need not have
    "verification",  # the verification runs them itself, or the daily round reports them
}
"""Files of queries whose statements a serving process does not need."""

OTHER_QUERIES = {
    "add_user",  # a command's; the platform may keep its users to itself
    # people of a host, in our own table of users alone: a platform's lacks the column
    "add_person",
    "update_person",
}
"""Single statements that a serving process does not need."""


async def failing_statements(
    transactions: Transactions, identity_query: str | None
) -> Sequence[Finding]:
    """Return the statements that this role cannot run here, as findings that prevent a start.

    Missing rights are told by table first, since many statements need the same one.
    """
    connection = transactions.connection
    failed: list[tuple[str, asyncpg.PostgresError]] = []
    statements = list(_statements())
    if identity_query is not None:
        statements.append(("user_by_token", identity_query))
    while statements:
        # a transaction ends with its first error; the others are tried in the next one
        try:
            async with transactions.open():
                while statements:
                    name, sql = statements.pop()
                    # without a plan for these values: they are all null
                    statement = await connection.prepare(f"explain {sql}")
                    await statement.fetch(*[None] * len(statement.get_parameters()))
        except asyncpg.PostgresError as reason:
            failed.append((name, reason))
    lacking: Sequence[str] = []
    if failed:
        async with transactions.open():
            role = await connection.fetchval("select current_user")
            query = load_queries("verification")["missing_privileges"]
            lacking = await connection.fetchval(*query.bind())
    findings = [
        Finding("privileges", f"the role {role} lacks {right}", prevents_start=True)
        for right in lacking
    ]
    for name, error in reversed(failed):
        is_refused = isinstance(error, asyncpg.InsufficientPrivilegeError)
        if not (is_refused and lacking):
            detail = f"the statement {name} cannot run: {error}"
            check = "privileges" if is_refused else "statements"
            findings.append(Finding(check, detail, prevents_start=True))
    return findings


def _statements() -> Iterator[tuple[str, str]]:
    for file in query_files():
        if file not in OTHER_FILES:
            for query in load_queries(file).values():
                if query.name not in OTHER_QUERIES:
                    yield query.name, query.sql
