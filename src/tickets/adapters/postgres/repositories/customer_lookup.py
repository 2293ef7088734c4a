"""The customer lookup on PostgreSQL: users by id or by address."""

from __future__ import annotations

from collections.abc import Sequence

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.ticket import MAX_ID


class PostgresCustomerLookup:
    """The port `CustomerLookup` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Look users up in this database."""
        self._database = database
        self._sql = load_queries("customer_lookup")

    async def find(self, *, user_id: int | None, email: str | None) -> Sequence[int]:
        """Select by id, or by address."""
        if (user_id is None) is (email is None):
            return ()
        if user_id is not None:
            if not 0 < user_id <= MAX_ID:
                return ()
            query = self._sql["customer_by_id"].bind(user_id=user_id)
        else:
            assert email is not None  # noqa: S101 - one of both is given
            if "\0" in email or not _is_encodable(email):
                return ()
            query = self._sql["customers_by_email"].bind(email=email)
        return [row["id"] for row in await self._database.fetch(*query)]


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
