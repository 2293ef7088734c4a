"""Events and the outbox on every adapter: what the statement of a change stores beside it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.contracts.test_tickets import A_HIT
from tests.world import ADMIN, START, World, messages_of
from tickets.domain.errors import StaleTicket, TooManyRequests
from tickets.domain.history import MAX_PAGE_EVENTS
from tickets.domain.idempotency import IdempotencyKey, StoredResponse
from tickets.domain.people import Actor, Side
from tickets.domain.rate_limits import Hit, RateLimit
from tickets.domain.read_models import DetailRequest
from tickets.domain.ticket import Priority, Status, Ticket
from tickets.domain.write_context import WriteContext

WEEK = timedelta(days=7)

EVERYTHING = (
    "ticket.created",
    "message.created",
    "ticket.status_changed",
    "ticket.assigned",
    "ticket.priority_changed",
)


async def shown(
    world: World, ticket_id: int, viewer: Side = Side.ADMIN, before: int | None = None
) -> list[dict[str, Any]]:
    """Return the events of the history's newest page, or of the one before an event."""
    detail = await world.detail(ticket_id, viewer, events_before=before)
    events: list[dict[str, Any]] = msgspec.json.decode(detail.history.events)
    return events


@pytest.mark.parametrize("context", [WriteContext(), WriteContext(hit=A_HIT)])
async def test_a_new_ticket_is_stored_with_its_events(world: World, context: WriteContext) -> None:
    user_id = await world.user()
    ticket = Ticket.open(
        by=Actor.user(user_id),
        category="support",
        other_category=None,
        subject="The export stops",
        message="It stops after a hundred rows.",
        at=START,
    )
    added = await world.tickets.add(ticket, context)

    (message,) = messages_of(await world.detail(added.id))
    assert await world.events(added.id) == [
        ("created", "user", None, None, None, None),
        ("message", "user", None, None, None, message.id),
        ("waiting", "user", None, None, "began", None),
    ]
    assert added.events_recorded == 3
    assert await shown(world, added.id) == []


async def test_each_change_stores_its_events_in_their_order(world: World) -> None:
    ticket, anna = await world.ticket(), await world.admin("Anna")
    user, admin = Actor.user(ticket.user_id), Actor.named(anna)
    answer = await world.service.reply(ticket.id, "Done.", by=admin, status="resolved")
    question = await world.reply(ticket.id, user, "Still broken.")
    await world.service.set_priority(ticket.id, "urgent", by=ADMIN)
    await world.service.mark_handled(ticket.id, 3, by=admin)

    assert (await world.events(ticket.id))[3:] == [
        ("message", "admin", "Anna", None, None, answer.id),
        ("waiting", "admin", "Anna", None, "ended", None),
        ("assignee", "admin", "Anna", None, "Anna", None),
        ("status", "admin", "Anna", "open", "resolved", None),
        ("message", "user", None, None, None, question.id),
        ("status", "user", None, "resolved", "open", None),
        ("waiting", "user", None, None, "began", None),
        ("priority", "admin", None, "normal", "urgent", None),
        ("handled", "admin", "Anna", None, None, None),
        ("waiting", "admin", "Anna", None, "ended", None),
    ]
    assert (await world.tickets.get(ticket.id)).events_recorded == 13


async def test_reading_stores_no_event(world: World) -> None:
    ticket = await world.ticket()
    before = await world.events(ticket.id)

    await world.service.read(ticket.id, by=ADMIN)
    await world.service.mark_unread(ticket.id, by=ADMIN)
    await world.service.acknowledge(ticket.id, 1, by=ADMIN)
    await world.service.change_status(ticket.id, "open", by=ADMIN)

    assert await world.events(ticket.id) == before


async def test_each_side_is_shown_its_history_oldest_first(world: World) -> None:
    """DESK: users get status, follow_up and closed_naturally only."""
    ticket, anna = await world.ticket(), await world.admin("Anna")
    await world.service.reply(ticket.id, "Done.", by=Actor.named(anna), status="resolved")
    await world.service.set_priority(ticket.id, "low", by=ADMIN)
    world.clock.pass_time(days=8)
    assert await world.auto_close.close_due(WEEK) == 1
    follow_up = await world.service.open(
        by=Actor.user(ticket.user_id),
        category="support",
        other_category=None,
        subject="It is back",
        message="The export stops again.",
        follows=ticket.id,
    )

    admins, users = await shown(world, ticket.id), await shown(world, ticket.id, Side.USER)

    fields = ("kind", "by", "name", "from", "to")
    assert [tuple(event[field] for field in fields) for event in admins] == [
        ("assignee", "admin", "Anna", None, "Anna"),
        ("status", "admin", "Anna", "open", "resolved"),
        ("priority", "admin", None, "normal", "low"),
        ("closed_naturally", "system", None, "resolved", "closed"),
        ("follow_up", "user", None, None, str(follow_up.id)),
    ]
    assert users == [event for event in admins if event["kind"] not in ("assignee", "priority")]
    assert {*admins[0]} == {"id", "at", *fields}
    assert [event["id"] for event in admins] == sorted(event["id"] for event in admins)
    stored = await world.tickets.get(ticket.id)
    assert admins[1]["at"] == msgspec.to_builtins(stored.resolved_at)
    assert await shown(world, follow_up.id) == []


async def test_a_follow_up_does_not_touch_the_ticket_that_it_follows(world: World) -> None:
    closed = await world.ticket(status=Status.CLOSED)

    await world.service.open(
        by=Actor.user(closed.user_id),
        category="support",
        other_category=None,
        subject="It is back",
        message="The export stops again.",
        follows=closed.id,
    )

    assert await world.tickets.get(closed.id) == closed


async def test_a_history_is_paged_and_what_admins_do_among_themselves_takes_no_place(
    world: World,
) -> None:
    ticket = await world.ticket()
    statuses = 0
    while statuses < MAX_PAGE_EVENTS + 3:
        loaded = await world.tickets.get(ticket.id)
        statuses += loaded.change_status(
            Status.OPEN if statuses % 2 else Status.IN_PROGRESS, by=ADMIN, at=START
        )
        await world.tickets.save(loaded)
        loaded = await world.tickets.get(ticket.id)
        loaded.set_priority(Priority.LOW if statuses % 2 else Priority.HIGH, by=ADMIN, at=START)
        await world.tickets.save(loaded)

    pages = {}
    for viewer in Side:
        newest = await world.detail(ticket.id, viewer)
        assert newest.history.previous is not None
        older = await world.detail(ticket.id, viewer, events_before=newest.history.previous)
        pages[viewer] = [msgspec.json.decode(page.history.events) for page in (older, newest)]

    assert [len(page) for page in pages[Side.USER]] == [3, MAX_PAGE_EVENTS]
    assert [len(page) for page in pages[Side.ADMIN]] == [MAX_PAGE_EVENTS, MAX_PAGE_EVENTS]
    ids = [event["id"] for page in pages[Side.USER] for event in page]
    assert ids == sorted(set(ids))
    assert (await world.detail(ticket.id, Side.USER, events_before=ids[0])).history.previous is None


async def test_save_with_thread_returns_the_history(world: World) -> None:
    ticket = await world.ticket(status=Status.IN_PROGRESS)
    ticket.read(by=ADMIN, shown_after=0)

    detail = await world.tickets.save_with_thread(ticket, DetailRequest(Side.ADMIN), shown_after=0)

    assert detail.history == (await world.detail(ticket.id)).history
    assert b"in_progress" in detail.history.events


async def test_what_is_refused_stores_no_event_and_delivers_nothing(world: World) -> None:
    await world.channel("mail", "everybody", *EVERYTHING)
    ticket = await world.ticket()
    stale, fresh = await world.tickets.get(ticket.id), await world.tickets.get(ticket.id)
    fresh.change_status(Status.IN_PROGRESS, by=ADMIN, at=START)
    key = IdempotencyKey(ADMIN, "a key", bytes(32))
    await world.tickets.save(fresh, WriteContext(StoredResponse(key, Status.IN_PROGRESS, START)))
    hit = Hit("changes", "7", RateLimit(1, timedelta(hours=1)))
    await world.rate_limiter.record(hit)
    before = await world.events(ticket.id), await world.deliveries()

    stale.change_status(Status.CLOSED, by=ADMIN, at=START)
    with pytest.raises(StaleTicket):
        await world.tickets.save(stale)
    for context, error in (
        (WriteContext(StoredResponse(key, Status.CLOSED, START)), StaleTicket),
        (WriteContext(hit=hit), TooManyRequests),
    ):
        loaded = await world.tickets.get(ticket.id)
        loaded.change_status(Status.CLOSED, by=ADMIN, at=START)
        with pytest.raises(error):
            await world.tickets.save(loaded, context)

    assert (await world.events(ticket.id), await world.deliveries()) == before


async def test_a_channel_gets_what_it_wants_in_the_order_of_the_events(world: World) -> None:
    await world.channel("webhook", "https://a.example", *EVERYTHING)
    await world.channel("mail", "team", "message.created")
    ticket, anna = await world.ticket(), await world.admin("Anna")
    await world.service.reply(ticket.id, "Done.", by=Actor.named(anna), status="resolved")
    await world.service.set_priority(ticket.id, "urgent", by=ADMIN)
    await world.service.mark_unread(ticket.id, by=ADMIN)

    deliveries = await world.deliveries()

    assert [(each.channel, each.target, each.event) for each in deliveries] == [
        ("webhook", "https://a.example", "ticket.created"),
        ("webhook", "https://a.example", "message.created"),
        ("mail", "team", "message.created"),
        ("webhook", "https://a.example", "ticket.assigned"),
        ("webhook", "https://a.example", "ticket.status_changed"),
        ("webhook", "https://a.example", "ticket.priority_changed"),
    ]
    assert {each.ticket_id for each in deliveries} == {ticket.id}
    assert [each.event_id for each in deliveries] == sorted(each.event_id for each in deliveries)
    stored = await world.tickets.get(ticket.id)
    assert deliveries[0].due_at == stored.created_at
    assert deliveries[1].due_at == stored.updated_at


async def test_the_body_of_a_delivery_is_the_ticket_and_the_message_as_the_api_shows_them(
    world: World,
) -> None:
    await world.channel("webhook", "https://a.example", "message.created", "ticket.assigned")
    ticket, anna = await world.ticket(category="other", other_category="Låne"), await world.admin()
    await world.service.assign(ticket.id, anna.id, by=ADMIN)
    message = await world.reply(ticket.id, Actor.user(ticket.user_id), 'Grüße, "Zoë" \u2028 🙂')

    assigned, written = (each.body for each in await world.deliveries())

    stored = await world.tickets.get(ticket.id)
    assert "@example.com" in written["ticket"].pop("user_email")
    fields = set(asdict(stored)) & set(written["ticket"])
    in_api = {name: getattr(stored, name) for name in fields}
    assert written["ticket"] == msgspec.to_builtins(in_api)
    assert fields == {
        *("id", "user_id", "category", "other_category", "subject", "status", "priority"),
        *("user_unread", "admin_unread", "message_count", "created_at", "updated_at", "follows"),
        *("waiting_since", "assignee"),
    }
    assert written["message"] == msgspec.to_builtins(message)
    assert set(assigned) == {"ticket"}


async def test_deliveries_begin_with_a_channel_and_end_with_it(world: World) -> None:
    user_id = await world.user()
    await world.ticket(user_id)
    await world.channel("webhook", "https://a.example", *EVERYTHING)
    first, second = await world.ticket(user_id), await world.ticket(user_id)
    await world.reply(first.id, ADMIN, "Hello.")
    recorded = [(each.event, each.ticket_id) for each in await world.deliveries()]
    await world.disable_channels()
    await world.reply(first.id, ADMIN, "Hello?")
    await world.reply(second.id, ADMIN, "Hello.")
    await world.ticket(user_id)

    assert recorded == [
        ("ticket.created", first.id),
        ("ticket.created", second.id),
        ("message.created", first.id),
    ]
    assert [(each.event, each.ticket_id) for each in await world.deliveries()] == recorded


async def test_a_channel_that_is_disabled_gets_nothing(world: World) -> None:
    await world.channel("webhook", "https://a.example", *EVERYTHING, disabled=True)

    await world.ticket(status=Status.RESOLVED)

    assert await world.deliveries() == []


async def test_natural_close_is_delivered_as_a_change_of_status(world: World) -> None:
    await world.ticket(status=Status.RESOLVED)
    await world.channel("mail", "team", "ticket.status_changed")
    world.clock.pass_time(days=8)

    await world.auto_close.close_due(WEEK)

    assert [each.event for each in await world.deliveries()] == ["ticket.status_changed"]
