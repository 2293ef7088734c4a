"""The rows after a take-over: values are unchanged, gaps are filled, counters are right."""

from __future__ import annotations

from collections import defaultdict

from tests.postgres.take_over.conftest import TakenOver
from tests.postgres.take_over.platform import (
    MESSAGES,
    OLD_COLUMNS,
    PLATFORM,
    TICKETS,
    Connection,
    world_on,
)
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.schema.migrations import Migrator


def test_every_value_of_the_platform_is_kept_and_only_nulls_are_filled(
    taken_over: TakenOver,
) -> None:
    filled: dict[str, set[str]] = {}
    for table, rows in taken_over.before.items():
        filled[table] = set()
        for old, new in zip(rows, taken_over.after[table], strict=True):
            changed = {column for column in old if old[column] != new[column]}
            assert all(old[column] is None for column in changed), (old, new)
            filled[table] |= changed

    assert filled == {
        "users": set(),
        "sessions": set(),
        "tickets": {"priority", "user_unread", "admin_unread", "created_at", "updated_at"},
        "ticket_messages": {"created_at"},
    }
    assert len(taken_over.before["tickets"]) == TICKETS
    assert len(taken_over.before["ticket_messages"]) == MESSAGES


async def test_message_count_and_preview_are_right_for_every_ticket(
    taken_over_connection: Connection,
) -> None:
    threads = defaultdict(list)
    answered = set()
    for m in await taken_over_connection.fetch(
        "select id, ticket_id, sender_type, message, created_at from ticket_messages"
    ):
        if m["sender_type"] == "admin":
            answered.add(m["ticket_id"])
        threads[m["ticket_id"]].append((m["created_at"], m["id"], m["message"]))
    tickets = await taken_over_connection.fetch(
        "select id, message_count, last_message, version from tickets"
    )

    expected = {}
    for ticket in tickets:
        thread = sorted(threads[ticket["id"]])
        newest = thread[-1][2] if thread else ""
        last_message = newest if len(newest) <= 100 else newest[:100] + "…"
        # The fills of 0009 and, where an admin has written, of 0011 are changes, after which nobody
        # may rely on what they remember.
        version = 1 + bool(thread) + (ticket["id"] in answered)
        expected[ticket["id"]] = (len(thread), last_message, version)

    stored = {t["id"]: (t["message_count"], t["last_message"], t["version"]) for t in tickets}
    assert stored == expected
    assert {len(thread) for thread in threads.values()} >= {*range(9), 10, 25, 50}


def test_nulls_are_filled_with_defaults_and_with_the_nearest_known_time(
    taken_over: TakenOver,
) -> None:
    threads = defaultdict(list)
    for message in taken_over.after["ticket_messages"]:
        threads[message["ticket_id"]].append(message["created_at"])

    for old, new in zip(taken_over.before["tickets"], taken_over.after["tickets"], strict=True):
        times = sorted(threads[old["id"]])
        assert new["user_unread"] == bool(old["user_unread"])
        assert new["admin_unread"] == bool(old["admin_unread"])
        assert new["priority"] == (old["priority"] or "normal")
        for column, nearest, other in (
            ("created_at", times[:1], "updated_at"),
            ("updated_at", times[-1:], "created_at"),
        ):
            candidates = [old[column], *nearest, old[other]]
            known = [time for time in candidates if time is not None]
            assert new[column] == known[0] if known else new[column] >= taken_over.started


def test_no_table_is_rewritten(taken_over: TakenOver) -> None:
    assert taken_over.files_after == taken_over.files_before
    assert len(taken_over.files_after) == len(OLD_COLUMNS)


async def test_a_message_without_a_time_gets_one_that_keeps_its_place_in_the_thread(
    empty: Connection,
) -> None:
    await empty.execute(PLATFORM)
    await empty.execute(
        """
        insert into users (email, password_hash) values ('mara@example.com', '');
        insert into tickets (user_id, category, subject, created_at, updated_at)
        values (1, 'support', 'half', '2024-01-01', '2024-02-01'),
               (1, 'support', 'none', '2024-01-01', '2024-02-01'),
               (1, 'support', 'nothing at all', null, null),
               (1, 'support', 'only later', null, '2024-02-01');
        insert into ticket_messages (ticket_id, sender_type, message, created_at)
        values (1, 'user', '1', '2024-01-05'), (1, 'user', '2', null),
               (1, 'user', '3', '2024-01-04'), (1, 'user', '4', null),
               (1, 'user', '5', '2024-01-06'),
               (2, 'user', '6', null), (2, 'user', '7', null),
               (3, 'user', '8', null),
               (4, 'user', '9', null), (4, 'user', '10', '2024-01-07');
        """
    )

    await Migrator(empty).apply()

    times = await empty.fetch(
        "select ticket_id, message, created_at::date::text as day from ticket_messages order by id"
    )
    today = await empty.fetchval("select created_at::date::text from tickets where id = 3")
    assert [(t["ticket_id"], t["message"], t["day"]) for t in times] == [
        (1, "1", "2024-01-05"),
        (1, "2", "2024-01-05"),
        (1, "3", "2024-01-04"),
        (1, "4", "2024-01-05"),
        (1, "5", "2024-01-06"),
        (2, "6", "2024-01-01"),
        (2, "7", "2024-01-01"),
        (3, "8", today),
        (4, "9", "2024-01-07"),
        (4, "10", "2024-01-07"),
    ]


def test_a_row_is_written_once_for_missing_values_and_once_for_its_thread(
    taken_over: TakenOver,
) -> None:
    """And once if admins have written in it. Without all that it is not written at all."""
    messages = taken_over.before["ticket_messages"]
    with_thread = {message["ticket_id"] for message in messages}
    answered = {m["ticket_id"] for m in messages if m["sender_type"] == "admin"}
    incomplete = {
        ticket["id"]
        for ticket in taken_over.before["tickets"]
        if any(value is None for column, value in ticket.items() if column != "other_category")
    }
    timeless = [m for m in taken_over.before["ticket_messages"] if m["created_at"] is None]

    assert taken_over.rows_written == {
        "users": 0,
        "sessions": 0,
        "tickets": len(with_thread | incomplete) + len(with_thread) + len(answered),
        "ticket_messages": len(timeless) + MESSAGES,
    }
    assert 0 < len(timeless) < 100
    assert len(with_thread | incomplete) < TICKETS


async def test_new_ids_start_after_the_highest_existing_id(taken_over_world: PostgresWorld) -> None:
    ticket = await taken_over_world.ticket(7)
    reply = await taken_over_world.reply(ticket.id, ADMIN)

    assert (ticket.id, reply.id) == (TICKETS + 1, MESSAGES + 2)


async def test_a_sequence_that_lags_behind_the_ids_is_repaired(
    platform_url: str, platform: Connection
) -> None:
    await platform.execute(
        "alter sequence tickets_id_seq restart; alter sequence ticket_messages_id_seq restart 77"
    )

    await Migrator(platform).apply()

    async with world_on(platform_url) as world:
        ticket = await world.ticket(7)
        reply = await world.reply(ticket.id, ADMIN)
    assert (ticket.id, reply.id) == (TICKETS + 1, MESSAGES + 2)
