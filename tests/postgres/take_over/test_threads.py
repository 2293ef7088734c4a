"""The columns of threads after a take-over: ordinals, marks and waits, recomputed in Python."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from tests.postgres.take_over.platform import PLATFORM, Connection
from tickets.adapters.postgres.schema.migrations import Migrator, load_migrations
from tickets.domain.message import preview

FROM = datetime(2024, 1, 1, tzinfo=UTC)
STATUSES = ("open", "in_progress", "resolved", "closed")


async def check_threads(connection: Connection) -> None:
    """Compare every ticket with what its messages, flags and times say."""
    threads = defaultdict(list)
    for message in await connection.fetch(
        "select * from ticket_messages order by ticket_id, created_at, id"
    ):
        threads[message["ticket_id"]].append(message)
    for ticket in await connection.fetch("select * from tickets"):
        thread = threads[ticket["id"]]
        last = len(thread)
        assert [m["ordinal"] for m in thread] == list(range(1, last + 1))
        assert (ticket["last_ordinal"], ticket["message_count"]) == (last, last)
        assert ticket["last_message"] == (preview(thread[-1]["message"]) if thread else "")
        wrote = {
            side: max((m["ordinal"] for m in thread if m["sender_type"] == side), default=0)
            for side in ("user", "admin")
        }
        for side in ("user", "admin"):
            unread = ticket[f"{side}_unread"]
            mark = max(wrote[side], last - 200) if unread else last
            assert ticket[f"{side}_seen"] == mark
        unanswered = [m["created_at"] for m in thread[wrote["admin"] :]]
        resolved_later = bool(thread) and ticket["updated_at"] > thread[-1]["created_at"]
        if ticket["status"] == "closed" or (ticket["status"] == "resolved" and resolved_later):
            unanswered = []
        assert ticket["waiting_since"] == (unanswered[0] if unanswered else None)


async def test_every_thread_of_the_platform_has_ordinals_marks_and_waits(
    taken_over_connection: Connection,
) -> None:
    await check_threads(taken_over_connection)

    columns = ("user_unread", "admin_unread", "waiting_since is null", "status")
    kinds = await taken_over_connection.fetch(f"select distinct {', '.join(columns)} from tickets")  # noqa: S608 - constants
    # each combination, but nobody waits in a closed ticket
    assert len(kinds) == 2 * 2 * (2 * 3 + 1)


@pytest.mark.parametrize("seed", range(3))
async def test_odd_threads_have_ordinals_marks_and_waits(empty: Connection, seed: int) -> None:
    """Of 500 messages, of one side only, in one moment, by turns in any order, without any."""
    at_random = random.Random(seed)  # noqa: S311 - not a secret
    await empty.execute(PLATFORM)
    await empty.execute("insert into users (email, password_hash) values ('mara@example.com', '')")
    tickets, messages = [], []
    for ticket_id in range(1, 151):
        length = at_random.choice(
            (0, 1, 2, 3, 5, 8, 199, 201, 500) if ticket_id < 40 else (0, 1, 4)
        )
        spread = at_random.choice((0, 2, 1000))
        share = at_random.choice((0, 0.1, 0.5, 1))
        times = [FROM + timedelta(hours=at_random.randint(0, spread)) for _ in range(length)]
        updated = max(times, default=FROM) + timedelta(hours=at_random.choice((-1, 0, 0, 1)))
        flags = at_random.random() < 0.5, at_random.random() < 0.5
        tickets.append((ticket_id, 1, "other", "x", at_random.choice(STATUSES), *flags, updated))
        messages += [
            (ticket_id, "user" if at_random.random() < share else "admin", f"{n}" * 60, time)
            for n, time in enumerate(times)
        ]
    at_random.shuffle(messages)
    await empty.copy_records_to_table(
        "tickets",
        records=tickets,
        columns=(
            *("id", "user_id", "category", "subject"),
            *("status", "user_unread", "admin_unread", "updated_at"),
        ),
    )
    await empty.copy_records_to_table(
        "ticket_messages",
        records=messages,
        columns=("ticket_id", "sender_type", "message", "created_at"),
    )

    await Migrator(empty).apply()

    await check_threads(empty)


async def test_what_is_written_between_the_triggers_and_the_fill_is_right(
    platform: Connection,
) -> None:
    """In tickets that were filled, in tickets that will be, and in a new one."""
    *before, threads = load_migrations()[:9]
    await Migrator(platform, before).apply()
    triggers, fill, *indexes = threads.steps
    async with platform.transaction():
        await platform.execute(triggers.sql)
    after = await platform.fetchval(*fill.batch.bind(after=0, size=500))

    await platform.execute(
        """
        insert into ticket_messages (ticket_id, sender_type, message)
        select id, case when id % 3 = 0 then 'admin' else 'user' end, 'Meanwhile'
          from tickets where id in (9, 10, 11, 4991, 4992, 4993);
        insert into tickets (user_id, category, subject) values (1, 'other', 'New');
        insert into ticket_messages (ticket_id, sender_type, message)
        values (5001, 'user', 'one'), (5001, 'user', 'two');
        update ticket_messages set message = 'Edited' where ticket_id in (12, 4994);
        delete from ticket_messages where ticket_id = 4990;
        update tickets set status = 'closed' where id in (13, 4996);
        """
    )
    while after is not None:
        after = await platform.fetchval(*fill.batch.bind(after=after, size=500))
    for step in indexes:
        await platform.execute(step.sql)

    await check_ordinals(platform)
    deleted = await platform.fetchrow(
        "select message_count, last_message from tickets where id = 4990"
    )
    assert tuple(deleted) == (0, "")
    new = await platform.fetchrow(
        "select last_ordinal, user_seen, waiting_since is not null from tickets where id = 5001"
    )
    assert tuple(new) == (2, 2, True)


async def check_ordinals(connection: Connection) -> None:
    """Check what does not depend on when a ticket was filled."""
    wrong = await connection.fetch(
        """
        select t.id
          from tickets t
          left join lateral (
                   select count(*) as messages, max(ordinal) as highest,
                          count(distinct ordinal) as ordinals,
                          (array_agg(message order by ordinal desc))[1] as newest
                     from ticket_messages where ticket_id = t.id
               ) as thread on true
         where t.message_count <> thread.messages
            or thread.ordinals <> thread.messages
            or t.last_ordinal <> coalesce(thread.highest, 0)
            or t.last_message <> coalesce(ticket_message_preview(thread.newest), '')
            or t.status = 'closed' and t.waiting_since is not null
        """
    )
    assert wrong == []
