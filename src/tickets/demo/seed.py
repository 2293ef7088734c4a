"""Fills the demo's database with the sample tickets, through the use cases that real ones take."""

from __future__ import annotations

from datetime import datetime, timedelta

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.application.tickets import TicketService
from tickets.bootstrap import Store
from tickets.clock import SystemClock
from tickets.demo.sample_data import SampleData, SampleTicket
from tickets.domain.people import Actor, Side
from tickets.domain.ticket import Status


class _ClockInThePast:
    """The port `Clock`, set back by hand so that each message gets its time."""

    def __init__(self, now: datetime) -> None:
        self._present = now
        self._now = now

    def set_back(self, hours: float) -> None:
        self._now = self._present - timedelta(hours=hours)

    def now(self) -> datetime:
        return self._now


async def fill(database: Database, samples: SampleData) -> None:
    """Write the sample tickets, unless the database has as many tickets already.

    If it has fewer, an earlier fill was interrupted: all tickets are deleted and written again.
    """
    store = Store.on(database, None)
    stats = await store.views.admin_stats()
    if stats.total_count >= len(samples.tickets):
        return
    await database.fetch(*load_queries("demo")["delete_all_tickets"].bind())
    clock = _ClockInThePast(SystemClock().now())
    service = store.ticket_service(
        creates=None, replies=None, clock=clock, close_resolved_after=None
    )
    token_admin = TokenAdmin(database, clock)
    user_ids = {email: await token_admin.user(email) for email in samples.users}
    for sample in samples.tickets:
        await _write(sample, service, clock, user_ids[sample.email])


async def _write(
    sample: SampleTicket, service: TicketService, clock: _ClockInThePast, user_id: int
) -> None:
    user, admin = Actor.user(user_id), Actor.team()
    first, *replies = sample.messages
    clock.set_back(first.hours_ago)
    ticket = await service.open(
        by=user,
        category=sample.category,
        other_category=sample.other_category,
        subject=sample.subject,
        message=first.text,
    )
    for reply in replies:
        sender = user if reply.sender is Side.USER else admin
        clock.set_back(reply.hours_ago)
        await service.read(ticket.id, by=sender)
        await service.reply(ticket.id, reply.text, by=sender)
    if sample.status is not Status.OPEN:
        await service.change_status(ticket.id, sample.status, by=admin)
    if sample.read_by_user:
        await service.read(ticket.id, by=user)
    if sample.read_by_admin:
        await service.read(ticket.id, by=admin)
