"""Fills the demo's database with the sample tickets, through the use cases that real ones take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.admin_accounts import AdminAccounts
from tickets.adapters.postgres.identity.admins import PostgresAdminLookup
from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.adapters.postgres.repositories.notes import PostgresNotes
from tickets.adapters.postgres.repositories.saved_replies import PostgresSavedReplies
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.application.notes import NoteService
from tickets.application.saved_replies import SavedReplyService
from tickets.application.tickets import TicketService
from tickets.bootstrap import Store
from tickets.clock import SystemClock
from tickets.demo.sample_data import SampleAdmin, SampleData, SampleTicket
from tickets.domain.people import Actor
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
    saved_replies = SavedReplyService(
        PostgresSavedReplies(database), store.idempotency_store, clock
    )
    for saved_reply in samples.saved_replies:
        await saved_replies.add(saved_reply.title, saved_reply.text, by=Actor.team())
    service = store.ticket_service(
        creates=None, replies=None, clock=clock, close_resolved_after=None
    )
    note_service = NoteService(PostgresNotes(database), store.idempotency_store, clock)
    writer = _Writer(service, note_service, clock, await _people(database, samples))
    for sample in samples.tickets:
        await writer.write(sample)


async def token_of(database: Database, admin: SampleAdmin) -> str:
    """Return a new token of this admin, who is added or enabled where need be."""
    accounts = AdminAccounts(database)
    account = await accounts.find(admin.email)
    token = None if account is None else await accounts.new_token(account.id)
    token = token or await accounts.add(admin.name, admin.email)
    if token is None:
        message = f"{admin.email} was added and disabled by others at the same time"
        raise RuntimeError(message)
    return token


async def _people(database: Database, samples: SampleData) -> dict[str, Actor]:
    """Return users and admins by their addresses, added where need be."""
    token_admin, admins = TokenAdmin(database, SystemClock()), PostgresAdminLookup(database)
    people = {email: Actor.user(await token_admin.user(email)) for email in samples.users}
    for admin in samples.admins:
        named = await admins.by_token(await token_of(database, admin))
        people[admin.email] = Actor.team() if named is None else Actor.named(named)
    return people


class _Writer:
    """Writes sample tickets, each message and note at its time and by its author."""

    def __init__(
        self,
        service: TicketService,
        note_service: NoteService,
        clock: _ClockInThePast,
        people: Mapping[str, Actor],
    ) -> None:
        self._service = service
        self._note_service = note_service
        self._clock = clock
        self._people = people

    async def write(self, sample: SampleTicket) -> None:
        service, user, admin = self._service, self._people[sample.email], Actor.team()
        first, *replies = sample.messages
        self._clock.set_back(first.hours_ago)
        ticket = await service.open(
            by=user,
            category=sample.category,
            other_category=sample.other_category,
            subject=sample.subject,
            message=first.text,
        )
        for reply in replies:
            sender = user if reply.admin is None else self._people[reply.admin]
            admin = admin if reply.admin is None else sender
            self._clock.set_back(reply.hours_ago)
            await service.read(ticket.id, by=sender)
            await service.reply(ticket.id, reply.text, by=sender)
        if sample.status is not Status.OPEN:
            await service.change_status(ticket.id, sample.status, by=admin)
        for note in sample.notes:
            self._clock.set_back(note.hours_ago)
            await self._note_service.add(ticket.id, note.text, by=self._people[note.admin])
        if sample.read_by_user:
            await service.read(ticket.id, by=user)
        if sample.read_by_admin:
            await service.read(ticket.id, by=admin)
