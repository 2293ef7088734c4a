"""Fills the demo's database with the sample tickets, through the same use cases as real ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from tickets.adapters.postgres.accounts import Accounts
from tickets.adapters.postgres.database import Database
from tickets.adapters.postgres.queries import load_queries
from tickets.adapters.postgres.receipts import PostgresReceipts
from tickets.adapters.postgres.tickets import PostgresTickets
from tickets.adapters.postgres.views import PostgresTicketViews
from tickets.application.desk import Desk
from tickets.clock import SystemClock
from tickets.demo_data import TICKETS, USERS, SampleTicket
from tickets.domain.ticket import Actor, Side, Status

SIGNED_IN_USER = USERS[0]
"""Whose dashboard the demo shows."""


class _Story:
    """The port `Clock`, set to the moment that is being told."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._moment = self._start

    def tell(self, hours_ago: float) -> None:
        self._moment = self._start - timedelta(hours=hours_ago)

    def now(self) -> datetime:
        return self._moment


async def fill(database: Database) -> None:
    """Tell the stories of the sample tickets, unless all of them have been told.

    With fewer tickets than there are stories, the last telling was interrupted: it begins anew.
    """
    stats = await PostgresTicketViews(database).admin_stats()
    if stats.total_count >= len(TICKETS):
        return
    await database.fetch(load_queries("demo")["forget"])
    clock = _Story(SystemClock().now())
    desk = Desk(PostgresTickets(database), PostgresReceipts(database), clock)
    accounts = Accounts(database, clock)
    users = {email: await accounts.user(email) for email in USERS}
    for sample in TICKETS:
        await _tell(sample, desk, clock, users[sample.email])


async def _tell(sample: SampleTicket, desk: Desk, clock: _Story, user_id: int) -> None:
    user, admin = Actor.user(user_id), Actor.admin()
    first, *replies = sample.messages
    clock.tell(first.hours_ago)
    ticket = await desk.open(
        by=Actor.user(user_id),
        category=sample.category,
        other_category=sample.other_category,
        subject=sample.subject,
        message=first.text,
    )
    for reply in replies:
        sender = user if reply.sender == Side.USER else admin
        clock.tell(reply.hours_ago)
        await desk.read(ticket.id, by=sender)
        await desk.reply(ticket.id, reply.text, by=sender)
    if sample.status != Status.OPEN:
        await desk.move(ticket.id, sample.status, by=admin)
    if sample.read_by_user:
        await desk.read(ticket.id, by=user)
    if sample.read_by_admin:
        await desk.read(ticket.id, by=admin)
