"""The mailbook on PostgreSQL: present state of tickets, limits, refusals and preferences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.domain.mail_news import CHANNELS, SUSPENDED_AFTER, MailedMessage, MailedTicket
from tickets.domain.people import Side


class PostgresMailbook:
    """The port `Mailbook` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Read and write this database, whose schema is up to date."""
        self._database = database
        self._sql = load_queries("mail")
        self._key: str | None = None

    async def switch_on(self, *, key: str, at: datetime) -> None:
        """Switch mail on from now on, unless it is on; the key is used the first time."""
        for target, events in CHANNELS.items():
            query = self._sql["switch_mail_on"].bind(
                target=target, events=list(events), key=key, at=at
            )
            await self._database.fetch(*query)

    async def switch_off(self, *, at: datetime) -> bool:
        """Switch mail off; return whether it was on."""
        return bool(await self._database.fetch(*self._sql["switch_mail_off"].bind(at=at)))

    async def tickets(
        self, ticket_ids: Sequence[int], message_ids: Sequence[int]
    ) -> Mapping[int, MailedTicket]:
        """Select tickets and messages."""
        ids = list(ticket_ids)
        rows = await self._database.fetch(*self._sql["mailed_tickets"].bind(ticket_ids=ids))
        messages: defaultdict[int, dict[int, MailedMessage]] = defaultdict(dict)
        for query in (
            self._sql["mailed_first_messages"].bind(ticket_ids=ids),
            self._sql["mailed_messages"].bind(message_ids=list(message_ids)),
        ):
            for row in await self._database.fetch(*query):
                message = MailedMessage(row["ordinal"], Side(row["sender_type"]), row["message"])
                messages[row["ticket_id"]][row["id"]] = message
        return {row["id"]: MailedTicket(**row, messages=messages[row["id"]]) for row in rows}

    async def key(self) -> str:
        """Select the key, once."""
        if self._key is None:
            self._key = await self._database.fetchval(*self._sql["mail_key"].bind())
        return self._key or ""

    async def sent(self, counters: Sequence[str], *, day: date) -> Mapping[str, int]:
        """Select the counts of the day."""
        query = self._sql["mails_sent"].bind(counters=list(counters), day=day)
        return {row["subject"]: row["sent"] for row in await self._database.fetch(*query)}

    async def count(self, counters: Sequence[str], *, day: date) -> None:
        """Add one to each."""
        query = self._sql["count_mail"].bind(counters=list(counters), day=day)
        await self._database.fetch(*query)

    async def delete_counts(self, before: date) -> int:
        """Delete the counts of the days before; return how many."""
        query = self._sql["delete_old_mail_counts"].bind(day=before)
        return len(await self._database.fetch(*query))

    async def suspended(self, addresses: Sequence[str]) -> Sequence[str]:
        """Select them."""
        query = self._sql["suspended_addresses"].bind(
            addresses=[each.lower() for each in addresses]
        )
        return [row["address"] for row in await self._database.fetch(*query)]

    async def refused(self, address: str, *, error: str, at: datetime) -> bool:
        """Count it; the second refusal suspends the address."""
        query = self._sql["refuse_address"].bind(
            address=address.lower(), error=error, suspended_after=SUSPENDED_AFTER, at=at
        )
        return bool(await self._database.fetchval(*query))

    async def accepted(self, addresses: Sequence[str]) -> None:
        """Delete their refusals."""
        query = self._sql["forget_refusals"].bind(addresses=[each.lower() for each in addresses])
        await self._database.fetch(*query)

    async def release(self, address: str) -> bool:
        """Delete its refusals."""
        query = self._sql["release_address"].bind(address=address.lower())
        return await self._database.fetchval(*query) is not None

    async def is_subscribed(self, user_id: int) -> bool:
        """Select it."""
        query = self._sql["is_subscribed"].bind(user_id=user_id)
        subscribed: bool = await self._database.fetchval(*query)
        return subscribed

    async def subscribe(self, user_id: int, *, at: datetime, wanted: bool) -> None:
        """Delete or insert the row that says no."""
        if wanted:
            query = self._sql["subscribe_user"].bind(user_id=user_id)
        else:
            query = self._sql["unsubscribe_user"].bind(user_id=user_id, at=at)
        await self._database.fetch(*query)
