"""The port `Reports` on every adapter: what counts on which day, against a count by hand."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.world import ADMIN, START, World
from tickets.domain.people import Actor
from tickets.domain.reports import CategoryFigures, DayFigures, Durations, Period, Report
from tickets.domain.ticket import Category, Status, Ticket

TODAY = START.date()


@pytest.fixture
async def world(world: World) -> World:
    """Return a world that has always recorded events, early on a day."""
    await world.events_recorded_since(datetime(2000, 1, 1, tzinfo=UTC))
    world.clock.moment = START.replace(hour=8)
    return world


async def report(world: World, first: date = TODAY, days: int = 1) -> Report:
    return await world.reports.report(
        Period(first, first + timedelta(days=days - 1)), at=world.clock.moment
    )


async def days(world: World, number: int) -> list[tuple[int, int | None, int | None, int | None]]:
    """Return (opened, resolved, closed, waiting) of these days, from the first on."""
    figures = (await report(world, days=number)).days
    return [(day.opened, day.resolved, day.closed, day.waiting) for day in figures]


async def set_status(world: World, ticket_id: int, *statuses: Status) -> None:
    for status in statuses:
        await world.service.change_status(ticket_id, status, by=ADMIN)


async def open_on_behalf(world: World, user_id: int, category: str = "billing") -> Ticket:
    """Open a ticket for this customer, with an admin's message."""
    ticket = Ticket.open_on_behalf(
        by=ADMIN,
        user_id=user_id,
        email=None,
        found=[user_id],
        category=category,
        other_category=None,
        subject="Your invoice",
        message="We have sent it twice.",
        at=world.clock.now(),
    )
    return await world.tickets.add(ticket)


async def handle(world: World, ticket_id: int) -> None:
    """Record that the customer needs no answer."""
    ticket = await world.tickets.get(ticket_id)
    if ticket.mark_handled(ticket.message_count, by=ADMIN, at=world.clock.now()):
        await world.tickets.save(ticket)


async def test_an_empty_desk_has_zeros_and_no_times(world: World) -> None:
    nobody = Durations(0, None, None)

    assert await report(world, days=2) == Report(
        Period(TODAY, TODAY + timedelta(days=1)),
        [
            DayFigures(TODAY, 0, 0, 0, 0, finished=False),
            DayFigures(TODAY + timedelta(days=1), 0, 0, 0, 0, finished=False),
        ],
        nobody,
        nobody,
        [CategoryFigures(category, 0, 0, None) for category in Category],
    )


async def test_a_ticket_counts_as_opened_on_its_day_in_utc(world: World) -> None:
    """At 23:30 in Los Angeles it is the next day in UTC; at 01:30 in Delhi the day before."""
    for moment in ("2026-02-02T23:30-08:00", "2026-02-03T01:30+05:30"):
        world.clock.moment = datetime.fromisoformat(moment)
        await world.ticket()
    # the day on which clocks change in Berlin, by one hour, is as long as the others here
    for moment in ("2026-03-29T00:30+01:00", "2026-03-30T01:30+02:00"):
        world.clock.moment = datetime.fromisoformat(moment)
        await world.ticket()

    opened = {day.date.isoformat(): day.opened for day in (await report(world, days=60)).days}

    assert opened == {
        **dict.fromkeys(opened, 0),
        "2026-02-03": 1,
        "2026-03-28": 1,
        "2026-03-29": 1,
    }
    assert [day.opened for day in (await report(world, date(2026, 2, 2))).days] == [1]


async def test_who_waits_is_counted_at_the_end_of_each_day(world: World) -> None:
    ticket = await world.ticket()
    await world.ticket()
    world.clock.pass_time(days=1)
    await world.reply(ticket.id, ADMIN)
    world.clock.pass_time(days=1)
    await world.reply(ticket.id, Actor.user(ticket.user_id))

    assert [waiting for *_, waiting in await days(world, 4)] == [2, 1, 2, 0]


async def test_a_resolution_counts_once_a_day(world: World) -> None:
    ticket = await world.ticket()
    for _ in range(2):
        await set_status(world, ticket.id, Status.RESOLVED)
        await world.reply(ticket.id, Actor.user(ticket.user_id), "Still broken.")
    world.clock.pass_time(days=1)
    await set_status(world, ticket.id, Status.RESOLVED)

    assert await days(world, 2) == [(1, 1, 0, 1), (0, 1, 0, 0)]


async def test_a_resolution_that_was_taken_back_does_not_count(world: World) -> None:
    ticket = await world.ticket()
    await set_status(world, ticket.id, Status.RESOLVED)
    world.clock.pass_time(days=1)
    await set_status(world, ticket.id, Status.OPEN)
    world.clock.pass_time(days=1)
    await set_status(world, ticket.id, Status.CLOSED)

    assert await days(world, 3) == [(1, 0, 0, 0), (0, 0, 0, 0), (0, 1, 1, 0)]
    assert (await report(world, days=3)).resolution.tickets == 1


async def test_a_resolution_stands_where_the_customer_wrote_before_it_was_taken_back(
    world: World,
) -> None:
    ticket = await world.ticket()
    await set_status(world, ticket.id, Status.RESOLVED)
    await world.reply(ticket.id, Actor.user(ticket.user_id), "Still broken.")
    await set_status(world, ticket.id, Status.IN_PROGRESS)

    assert await days(world, 1) == [(1, 1, 0, 1)]
    # the ticket is open again
    assert (await report(world)).resolution == Durations(0, None, None)


async def test_closing_counts_however_it_came_about(world: World) -> None:
    by_admin, by_customer, resolved, by_nature = [await world.ticket() for _ in range(4)]
    await set_status(world, by_admin.id, Status.CLOSED)
    await world.service.close(by_customer.id, by=Actor.user(by_customer.user_id))
    await set_status(world, resolved.id, Status.RESOLVED, Status.CLOSED)
    await set_status(world, by_nature.id, Status.RESOLVED)
    world.clock.pass_time(days=8)
    assert await world.auto_close.close_due(timedelta(days=7)) == 1

    first, *between, last = await days(world, 9)

    # closed without having been resolved is resolved as well; natural close follows a resolution
    assert (first, last) == ((4, 4, 3, 0), (0, 0, 1, 0))
    assert set(between) == {(0, 0, 0, 0)}


async def test_first_reply_is_an_answer_to_a_waiting_customer(world: World) -> None:
    answered, thanked, waiting = [await world.ticket() for _ in range(3)]
    await handle(world, thanked.id)
    on_behalf = await open_on_behalf(world, waiting.user_id)
    for ticket_id in (thanked.id, on_behalf.id):
        await world.reply(ticket_id, ADMIN)
    world.clock.moment = answered.created_at + timedelta(hours=2) - timedelta(seconds=1)
    await world.reply(answered.id, ADMIN)
    world.clock.pass_time(hours=1)
    await world.reply(answered.id, ADMIN)

    figures = await report(world)

    assert figures.first_reply == Durations(1, 7200, 7200)
    assert figures.categories == [
        CategoryFigures(Category.SUPPORT, 3, 1, 7200),
        CategoryFigures(Category.BILLING, 1, 0, None),
        CategoryFigures(Category.FEATURE_SUGGESTION, 0, 0, None),
        CategoryFigures(Category.OTHER, 0, 0, None),
    ]
    assert (await days(world, 1))[0][3] == 1


async def test_the_resolution_time_is_that_of_the_last_resolution(world: World) -> None:
    ticket = await world.ticket()
    await set_status(world, ticket.id, Status.RESOLVED)
    await world.reply(ticket.id, Actor.user(ticket.user_id))
    assert (await report(world)).resolution == Durations(0, None, None)
    world.clock.moment = ticket.created_at + timedelta(days=1) - timedelta(seconds=1)
    await set_status(world, ticket.id, Status.RESOLVED)

    assert (await report(world)).resolution == Durations(0, None, None)
    tomorrow = await report(world, TODAY + timedelta(days=1))
    assert tomorrow.resolution == Durations(1, 86_400, 86_400)


async def test_median_and_percentile_are_times_of_tickets(world: World) -> None:
    tickets = [await world.ticket() for _ in range(10)]
    for n, ticket in enumerate(tickets, start=1):
        world.clock.moment = ticket.created_at + timedelta(seconds=n * 100 - 1)
        await world.reply(ticket.id, ADMIN)

    assert (await report(world)).first_reply == Durations(10, 500, 900)


async def test_days_before_events_were_recorded_are_unknown_and_days_to_come_are_zero(
    world: World,
) -> None:
    await world.ticket()
    await world.events_recorded_since(START)

    figures = (await report(world, TODAY - timedelta(days=1), days=3)).days

    yesterday, today, tomorrow = figures
    assert yesterday == DayFigures(yesterday.date, 0, None, None, None, finished=True)
    assert today == DayFigures(today.date, 1, 0, 0, 1, finished=False)
    assert tomorrow == DayFigures(tomorrow.date, 0, 0, 0, 0, finished=False)


class HandCount:
    """Counts by the sentences of the docs, from what was done, in the order in which it was."""

    def __init__(self) -> None:
        self.done: defaultdict[int, list[tuple[datetime, str]]] = defaultdict(list)
        self.opened: dict[int, tuple[datetime, str]] = {}
        self.first_replies: dict[int, datetime] = {}
        self.resolutions: dict[int, datetime] = {}
        self.waiting_at_end: dict[date, int] = {}

    def standing(self, ticket_id: int) -> list[tuple[datetime, str]]:
        """Return what was done to a ticket and not taken back by an admin."""
        done = self.done[ticket_id]
        return [
            (moment, what)
            for n, (moment, what) in enumerate(done)
            if next((w for _, w in done[n + 1 :] if w in ("written", "taken back")), None)
            != "taken back"
        ]

    def on(self, day: date, *wanted: str) -> int:
        """Count tickets to which one of these was done on a day."""
        return sum(
            any(moment.date() == day and what in wanted for moment, what in self.standing(ticket))
            for ticket in self.opened
        )

    @staticmethod
    def durations(times: list[timedelta]) -> Durations:
        seconds = sorted(math.floor(t.total_seconds()) for t in times)
        ranks = [
            next(s for s in seconds if sum(x <= s for x in seconds) * 100 >= share * len(seconds))
            if seconds
            else None
            for share in (50, 90)
        ]
        return Durations(len(seconds), *ranks)

    def report(self, period: Period, at: datetime) -> Report:
        def inside(moments: dict[int, datetime]) -> dict[int, timedelta]:
            return {
                ticket: moment - self.opened[ticket][0]
                for ticket, moment in moments.items()
                if period.first <= moment.date() <= period.last
            }

        replies = inside(self.first_replies)
        categories = []
        for category in Category:
            own = [t for ticket, t in replies.items() if self.opened[ticket][1] == category]
            opened = sum(
                c == category and period.first <= moment.date() <= period.last
                for moment, c in self.opened.values()
            )
            figures = self.durations(own)
            categories.append(
                CategoryFigures(category, opened, figures.tickets, figures.median_seconds)
            )
        return Report(
            period,
            [
                DayFigures(
                    day,
                    sum(moment.date() == day for moment, _ in self.opened.values()),
                    self.on(day, "resolved", "closed unresolved"),
                    self.on(day, "closed", "closed unresolved"),
                    self.waiting_at_end.get(day, 0),
                    finished=day < at.date(),
                )
                for day in period.days()
            ],
            self.durations(list(replies.values())),
            self.durations(list(inside(self.resolutions).values())),
            categories,
        )


@pytest.mark.parametrize("number", range(4))
async def test_reports_of_random_histories_are_those_of_a_count_by_hand(  # noqa: C901, PLR0912
    world: World, number: int
) -> None:
    chance = random.Random(number)  # noqa: S311 - not a secret
    hand = HandCount()
    users = [await world.user() for _ in range(3)]
    statuses: dict[int, Status] = {}
    owners: dict[int, int] = {}
    waits: dict[int, bool] = {}
    by_admins: set[int] = set()

    def changed(ticket: int, status: Status, *, by_user: bool = False) -> None:
        before, moment = statuses[ticket], world.clock.moment
        if status is before:
            return
        done = hand.done[ticket]
        if status is Status.RESOLVED:
            done.append((moment, "resolved"))
        elif status is Status.CLOSED:
            resolved = before is Status.RESOLVED
            done.append((moment, "closed" if resolved else "closed unresolved"))
        elif not by_user:
            done.append((moment, "taken back"))
        if status in (Status.RESOLVED, Status.CLOSED):
            waits[ticket] = False
            if before is not Status.RESOLVED:
                hand.resolutions[ticket] = moment
        else:
            hand.resolutions.pop(ticket, None)
        statuses[ticket] = status

    for _ in range(90):
        if chance.random() < 0.25:
            hand.waiting_at_end[world.clock.moment.date()] = sum(waits.values())
            world.clock.pass_time(days=1)
        world.clock.pass_time(minutes=chance.randrange(1, 9), microseconds=chance.randrange(10**6))
        what = chance.choice(("open", "on behalf", *("user", "admin", "status") * 3, "handled"))
        ticket_id = chance.choice(list(owners)) if owners else 0
        if what in ("open", "on behalf") or not owners:
            category, owner = chance.choice(("support", "billing", "other")), chance.choice(users)
            if what == "on behalf":
                opened = await open_on_behalf(world, owner, category)
                by_admins.add(opened.id)
            else:
                opened = await world.ticket(owner, category=category)
            owners[opened.id], statuses[opened.id] = owner, Status.OPEN
            waits[opened.id] = opened.id not in by_admins
            hand.opened[opened.id] = (world.clock.moment, category)
        elif what in ("user", "admin") and statuses[ticket_id] is not Status.CLOSED:
            by = ADMIN if what == "admin" else Actor.user(owners[ticket_id])
            await world.reply(ticket_id, by)
            if what == "admin":
                if waits[ticket_id] and ticket_id not in by_admins:
                    hand.first_replies.setdefault(ticket_id, world.clock.moment)
                waits[ticket_id] = False
            else:
                hand.done[ticket_id].append((world.clock.moment, "written"))
                if statuses[ticket_id] is Status.RESOLVED:
                    changed(ticket_id, Status.OPEN, by_user=True)
                waits[ticket_id] = True
        elif what == "status":
            status = chance.choice(list(Status))
            if status is Status.CLOSED and chance.random() < 0.5:
                await world.service.close(ticket_id, by=Actor.user(owners[ticket_id]))
            else:
                await set_status(world, ticket_id, status)
            changed(ticket_id, status)
        elif what == "handled":
            await handle(world, ticket_id)
            waits[ticket_id] = False
    hand.waiting_at_end[world.clock.moment.date()] = sum(waits.values())
    for day in Period(TODAY, world.clock.moment.date()).days():
        hand.waiting_at_end.setdefault(day, hand.waiting_at_end.get(day - timedelta(days=1), 0))

    at = world.clock.moment
    whole = Period(TODAY - timedelta(days=1), at.date() + timedelta(days=1))
    for period in (whole, Period(TODAY + timedelta(days=3), TODAY + timedelta(days=6))):
        assert await world.reports.report(period, at=at) == hand.report(period, at)
