"""The token lookup on PostgreSQL: the service's own hashed tokens, or a host platform's table."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import asyncpg

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.holder import Holder, can_be_token
from tickets.adapters.postgres.sql_loader import load_queries, split_queries
from tickets.domain.errors import StoreExhausted, StoreUnavailable, WriteRefused

logger = logging.getLogger("tickets")


@dataclass(frozen=True, slots=True)
class Identity:
    """The query that looks a token up; `hashed` says that it takes the token's SHA-256."""

    query: str
    hashed: bool

    @classmethod
    def named(cls, name: str) -> Identity:
        """Return `tokens`, `sessions`, or the query in the SQL file at this path.

        The file holds one query, named `user_by_token` (its $1 is the token, as text) or
        `user_by_token_sha256` (its $1 is the hash, as bytea), which runs as it is written. It
        returns the user's id and, optionally, for how many more seconds the token is valid (double
        precision), or no row. Raises `ValueError` where the file holds neither query, `OSError`
        where it cannot be read.
        """
        if name in ("tokens", "sessions"):
            loaded = load_queries(f"identity_{name}")
            queries = {query.name: query.sql for query in loaded.values()}
        else:
            queries = split_queries(Path(name).read_text(encoding="utf-8"))
        for query, hashed in (("user_by_token", False), ("user_by_token_sha256", True)):
            if query in queries:
                return cls(queries[query], hashed)
        message = f"{name} has no query named user_by_token or user_by_token_sha256"
        raise ValueError(message)


class PostgresTokenLookup:
    """The port `TokenLookup` on PostgreSQL."""

    def __init__(self, database: Database, identity: Identity) -> None:
        """Run this query on this database."""
        self._database = database
        self._identity = identity

    def cached(self, token: str) -> int | None:  # noqa: ARG002 - the port's signature
        """Return None: without a cache each lookup is a query."""
        return None

    async def by_token(self, token: str) -> int | None:
        """Run the identity query."""
        holder = await self.holder(token)
        return None if holder is None else holder.who

    async def holder(self, token: str) -> Holder[int] | None:
        """Run the identity query; text that cannot be a token is not sent.

        Where the query returns no seconds, the token has no expiry.
        """
        if not can_be_token(token):
            return None
        key = sha256(token.encode()).digest() if self._identity.hashed else token
        try:
            row = await self._database.fetchrow(self._identity.query, key)
        except (asyncpg.DataError, StoreExhausted) as error:
            # The platform's column may not be text (a UUID or a number, say). The error quotes the
            # token, so it is not raised.
            cause = error.__cause__ if isinstance(error, StoreExhausted) else error
            if not isinstance(cause, asyncpg.DataError):
                raise
            return None
        except WriteRefused as error:
            # the platform's query raises an error of its own, which says nothing about the token
            logger.exception("the identity query failed: %s", error.__cause__)
            raise StoreUnavailable from error
        if row is None:
            return None
        user_id, seconds_left = (*row, math.inf)[:2]
        return Holder(user_id, seconds_left)
