"""Fills the demo's database with the sample tickets, through the same use cases as real ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.application.tickets import TicketService
from tickets.bootstrap import Store
from tickets.clock import SystemClock
from tickets.demo.sample_tickets import TICKETS, USERS, SampleTicket
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status

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
    store = Store.on(database, None)
    stats = await store.views.admin_stats()
    if stats.total_count >= len(TICKETS):
        return
    await database.fetch(*load_queries("demo")["delete_all_tickets"].bind())
    clock = _Story(SystemClock().now())
    service = store.ticket_service(creates=None, replies=None, clock=clock)
    token_admin = TokenAdmin(database, clock)
    users = {email: await token_admin.user(email) for email in USERS}
    for sample in TICKETS:
        await _tell(sample, service, clock, users[sample.email])


async def _tell(sample: SampleTicket, service: TicketService, clock: _Story, user_id: int) -> None:
    user, admin = Actor.user(user_id), Actor.admin()
    first, *replies = sample.messages
    clock.tell(first.hours_ago)
    ticket = await service.open(
        by=Actor.user(user_id),
        category=sample.category,
        other_category=sample.other_category,
        subject=sample.subject,
        message=first.text,
    )
    for reply in replies:
        sender = user if reply.sender == Side.USER else admin
        clock.tell(reply.hours_ago)
        await service.read(ticket.id, by=sender)
        await service.reply(ticket.id, reply.text, by=sender)
    if sample.status != Status.OPEN:
        await service.change_status(ticket.id, sample.status, by=admin)
    if sample.read_by_user:
        await service.read(ticket.id, by=user)
    if sample.read_by_admin:
        await service.read(ticket.id, by=admin)
