"""A connection of the pool, whose prepared statements have names that no other connection uses."""

from __future__ import annotations

import itertools
import secrets
from typing import Any

import asyncpg


class PooledConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg is untyped
    """Names statements at random, so that a connection pooler cannot mix them up.

    asyncpg counts from one in each process. Behind PgBouncer in transaction mode a backend may hold
    `__asyncpg_stmt_1__` of another process, and would run that instead, with these arguments. With
    names of its own, a statement that is not on the backend is an error, and `Database` goes on
    without prepared statements.
    """

    __slots__ = ("_names",)

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - asyncpg is untyped
        """Take what asyncpg gives its connections."""
        super().__init__(*args, **options)
        token = secrets.token_hex(8)
        self._names = (f"{token}_{number:x}" for number in itertools.count())

    def _get_unique_id(self, prefix: str) -> str:
        """Override asyncpg's own method; a test fails where a release no longer calls it."""
        return f"tickets_{prefix}_{next(self._names)}"
