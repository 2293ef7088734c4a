"""The SQLSTATE table: which driver errors are a 503 or a 400, and which are bugs, visible as 500s.

The rule: what an operator, another program or the machine causes is a `StoreUnavailable`, and a
resource that has run out is a `StoreExhausted`, which names the resource in the log. A rule of the
platform's that refuses a write, a constraint or a trigger, is a `WriteRefused`: other input may be
accepted, and to send the same again would not help. What only a mistake in this code can cause
stays as it is: "unhandled exception", 500.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from tickets.domain.errors import (
    StoreExhausted,
    StoreReadOnly,
    StoreUnavailable,
    TicketsError,
    WriteRefused,
)

# Errors that have no SQLSTATE, as the driver raises them itself.
CLIENT_SIDE: tuple[type[Exception], ...] = (
    OSError,  # connection refused or broken, unknown host; TimeoutError is one too
    asyncpg.InterfaceError,  # the connection or the pool is closed, or being closed
    asyncpg.InternalClientError,  # see `Database._run`
)

_UNAVAILABLE, _EXHAUSTED, _REFUSED, _BUG = StoreUnavailable, StoreExhausted, WriteRefused, None

BY_SQLSTATE: Mapping[str, type[TicketsError] | None] = {
    "03": _BUG,  # the statement is not complete yet
    "08": _UNAVAILABLE,  # the connection is broken or was refused, by PgBouncer too
    "09": _BUG,  # triggered action
    "0A": _BUG,  # not supported; the driver itself prepares again after a migration
    "0B": _BUG,  # transaction initiation
    "0F": _BUG,  # locator
    "0L": _BUG,  # grantor
    "0P": _BUG,  # role specification
    "0Z": _BUG,  # diagnostics
    "10": _BUG,  # XQuery
    "20": _BUG,  # case not found
    "21": _BUG,  # cardinality
    "22": _BUG,  # data: requests are validated before they are sent (the driver raises it, too)
    "22001": _REFUSED,  # the platform has made a column shorter
    "22021": _REFUSED,  # the platform's encoding does not have this character
    "22P05": _REFUSED,
    "22003": _EXHAUSTED,  # an id or a counter does not fit its column any more
    "2200H": _EXHAUSTED,  # a sequence is at its end
    # constraints of the platform's; the service's own are handled where they are expected
    "23": _REFUSED,
    "24": _BUG,  # cursor state
    "25": _BUG,  # transaction state
    "25006": StoreReadOnly,  # a replica, during a fail-over
    "25P03": _UNAVAILABLE,  # idle_in_transaction_session_timeout
    "25P04": _UNAVAILABLE,  # transaction_timeout
    # a prepared statement is unknown, or exists already: PgBouncer in transaction mode, see
    # `Database._run`
    "26": _UNAVAILABLE,
    "42P05": _UNAVAILABLE,
    "27": _BUG,  # triggered data change
    "28": _UNAVAILABLE,  # password or pg_hba.conf
    "2B": _BUG,  # dependent privileges
    "2D": _BUG,  # transaction termination
    "2F": _BUG,  # SQL routine
    "34": _BUG,  # cursor name
    "38": _BUG,  # external routine
    "39": _BUG,  # external routine invocation
    "3B": _BUG,  # savepoint
    "3D": _UNAVAILABLE,  # the database does not exist
    "3F": _UNAVAILABLE,  # the schema does not exist
    # a conflict with another transaction; `Database._run` makes a StaleTicket of it
    "40": _UNAVAILABLE,
    "42": _BUG,  # syntax, names, types
    # a column, function or table does not exist: an older backup under a running service
    "42703": _UNAVAILABLE,
    "42883": _UNAVAILABLE,
    "42P01": _UNAVAILABLE,
    "42501": _UNAVAILABLE,  # a privilege was revoked
    "44": _REFUSED,  # check option of a view that the platform has put in place of a table
    "53": _EXHAUSTED,  # disk, memory, a configured limit
    "53300": _UNAVAILABLE,  # too many connections, which passes by itself
    # Program limits: too many notifications in the NOTIFY queue, transaction ids close to their
    # wraparound, a row too large for an index, a statement too complex.
    "54": _EXHAUSTED,
    "55": _BUG,  # an object is not in the required state
    "55P03": _UNAVAILABLE,  # somebody holds a lock for longer than `LOCK_TIMEOUT`
    "57": _UNAVAILABLE,  # shutting down, starting up, cancelled by a time-out
    "58": _UNAVAILABLE,  # the server's system: I/O, missing files
    "72": _UNAVAILABLE,  # snapshot too old
    "F0": _UNAVAILABLE,  # the server's configuration files
    "HV": _UNAVAILABLE,  # a platform's foreign table cannot be reached
    "P0": _REFUSED,  # PL/pgSQL: a platform's trigger raises an exception
    "XX": _BUG,  # internal error
    "XX001": _UNAVAILABLE,  # data corrupted
    "XX002": _UNAVAILABLE,  # index corrupted
}
"""The error of the domain by SQLSTATE, or by its class (the first two characters); None is a bug.

https://www.postgresql.org/docs/current/errcodes-appendix.html lists all of them.
"""


_PROCEDURAL = "PL/"
"""In the context of an error that a function in PL/pgSQL, PL/Python or the like has raised; it is
the same in every language of the server."""


def domain_error(error: Exception) -> TicketsError | None:
    """Return the error of the domain that a driver error means; None where it is a bug."""
    if isinstance(error, CLIENT_SIDE):
        return StoreUnavailable()
    if not isinstance(error, asyncpg.PostgresError):
        return None
    state = error.sqlstate or ""
    # a class that PostgreSQL does not have was chosen by the author of a trigger
    kind = BY_SQLSTATE.get(state, BY_SQLSTATE.get(state[:2], WriteRefused))
    if kind is None and _PROCEDURAL in (error.context or ""):
        # not a statement of this code's: a trigger of the platform's is broken
        kind = StoreUnavailable
    return None if kind is None else kind()


def is_missing_table(error: BaseException) -> bool:
    """Return whether an error of the domain was caused by a table that does not exist."""
    return isinstance(error.__cause__, asyncpg.UndefinedTableError)


class ParameterRefused(Exception):
    """A connection pooler refuses a parameter that the service's connections begin with."""

    def __init__(self, refusal: str) -> None:
        """Take the pooler's own message."""
        super().__init__(
            f"{refusal}: behind PgBouncer, set TICKETS_DATABASE_STATEMENT_CACHE=0, and set the "
            f"time-outs on the role instead (docs/limits.md, The database)"
        )


def explained(error: Exception) -> Exception:
    """Return the error, or one that says what to do about it."""
    message = str(error)
    if isinstance(error, asyncpg.ProtocolViolationError) and "startup parameter" in message:
        return ParameterRefused(message)
    return error
