"""Databases that a take-over refuses: with the reason, and without changing anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres.take_over.platform import (
    MESSAGES,
    PLATFORM,
    TICKETS,
    Connection,
    refusal,
    session_database,
    world_on,
)
from tests.world import ADMIN
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator


async def test_rows_that_the_specification_does_not_know_are_counted_with_examples(
    platform: Connection,
) -> None:
    await platform.execute(
        """
        alter table tickets
            alter column category drop not null, alter column subject drop not null,
            alter column user_id drop not null, drop constraint tickets_user_id_fkey;
        alter table ticket_messages
            alter column sender_type drop not null, alter column message drop not null,
            alter column ticket_id drop not null, drop constraint ticket_messages_ticket_id_fkey;
        update tickets set status = 'on hold' where id between 11 and 15;
        update tickets set status = null where id = 10;
        update tickets set category = E'it''s \\n ' || repeat('long', 10) where id = 20;
        update tickets set category = null where id = 21;
        update tickets set subject = null where id = 30;
        update tickets set user_id = 9999 where id = 40;
        update tickets set user_id = null where id = 41;
        update tickets set created_at = 'infinity' where id = 50;
        update tickets set updated_at = '20000-01-01 00:00+00' where id = 51;
        update ticket_messages set sender_type = 'System' where id = 60;
        update ticket_messages set sender_type = null where id = 61;
        update ticket_messages set message = null where id = 70;
        update ticket_messages set ticket_id = 9999 where id = 80;
        update ticket_messages set ticket_id = null where id = 81;
        update ticket_messages set created_at = '0044-03-15 12:00+00 BC' where id = 90;
        set timezone to 'UTC';
        """
    )
    times = await platform.fetch(
        """select concat_ws(' and ', created_at, updated_at)
             from tickets where id in (50, 51) order by id"""
    )

    first_time, second_time = (row[0][:40] for row in times)
    category = "it''s \n longlonglonglonglonglonglonglongl"

    message = await refusal(platform)

    kinds = message.removeprefix("rows that the specification does not know: ").split("; ")
    assert kinds == [
        "messages with a time that is no date: 1 (id 90: '0044-03-15 12:00:00+00 BC')",
        "messages with an unknown sender_type: 2 (id 60: 'System', id 61: null)",
        "messages without a text: 1 (id 70: null)",
        "messages without a ticket: 2 (id 80: '9999', id 81: null)",
        f"tickets with a time that is no date: 2 (id 50: '{first_time}', id 51: '{second_time}')",
        f"tickets with an unknown category: 2 (id 20: '{category}', id 21: null)",
        "tickets with an unknown status: 6 (id 10: null, id 11: 'on hold', id 12: 'on hold')",
        "tickets without a subject: 1 (id 30: null)",
        "tickets without a user: 2 (id 40: '9999', id 41: null)",
    ]


async def test_the_message_stays_short_however_many_rows_are_unknown(
    platform: Connection,
) -> None:
    await platform.execute(
        "update tickets set status = repeat('x', 20), category = repeat('y', 50);"
        "update ticket_messages set sender_type = 'bot'"
    )

    message = await refusal(platform)

    assert f"tickets with an unknown status: {TICKETS} (" in message
    assert f"messages with an unknown sender_type: {MESSAGES} (" in message
    assert len(message) < 500


NOT_TIMESTAMPTZ = "timestamp without time zone, not timestamptz"
IS_THERE_ALREADY = "is there already, and this service adds a column of that name"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            "alter table tickets drop column other_category",
            "tickets.other_category is missing",
        ),
        (
            "alter table users rename email to mail",
            "users.email is missing",
        ),
        (
            "alter table tickets alter created_at type timestamp",
            f"tickets.created_at is {NOT_TIMESTAMPTZ}",
        ),
        (
            "alter table ticket_messages alter created_at type date",
            "ticket_messages.created_at is date, not timestamptz",
        ),
        (
            "alter table tickets alter id type bigint",
            "tickets.id is bigint, not integer",
        ),
        (
            "alter table ticket_messages alter ticket_id type bigint",
            "ticket_messages.ticket_id is bigint, not integer",
        ),
        (
            "alter table users alter id type bigint",
            "users.id is bigint, not integer",
        ),
        (
            "alter table tickets alter subject type varchar(150) using left(subject, 150)",
            "tickets.subject is character varying(150), not varchar(200)",
        ),
        (
            """alter table ticket_messages
                   alter message type varchar(4999) using left(message, 4999)""",
            "ticket_messages.message is character varying(4999), not text",
        ),
        (
            """alter table tickets
                   alter user_unread drop default, alter user_unread type int using 0""",
            "tickets.user_unread is integer, not boolean",
        ),
        (
            "alter table tickets alter id drop default",
            "tickets.id has no default that counts it up",
        ),
        (
            "alter table tickets add version text",
            f"tickets.version {IS_THERE_ALREADY}",
        ),
        (
            "alter table tickets drop constraint tickets_pkey cascade",
            "tickets.id is neither a primary key nor unique",
        ),
    ],
)
async def test_a_column_that_differs_from_the_specification_is_named(
    bare: Connection, damage: str, reason: str
) -> None:
    await bare.execute(damage)

    message = await refusal(bare)

    assert message == f"its columns are not those of the specification: {reason}"


async def test_all_columns_that_differ_are_named_at_once(bare: Connection) -> None:
    await bare.execute("alter table tickets drop subject, drop status, add version int")

    message = await refusal(bare)

    assert message.partition(": ")[2].split("; ") == [
        "tickets.status is missing",
        "tickets.subject is missing",
        f"tickets.version {IS_THERE_ALREADY}",
    ]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("drop table ticket_messages", "there is no table ticket_messages"),
        ("drop table tickets cascade", "there is no table tickets"),
        ("drop table users cascade", "there is no table users"),
        (
            "drop table users, ticket_messages cascade",
            "there is no table ticket_messages; there is no table users",
        ),
        (
            "alter table users rename to accounts; create view users as select * from accounts",
            "users is not a table",
        ),
        (
            "alter table tickets rename to t; create view tickets as select * from t",
            "tickets is not a table",
        ),
    ],
)
async def test_a_missing_table_is_named(bare: Connection, damage: str, reason: str) -> None:
    """Tickets without their threads may be a restore that stopped half-way."""
    await bare.execute(damage)

    message = await refusal(bare)

    assert message == f"it does not have the tables of the specification: {reason}"


async def test_a_platform_with_users_and_no_ticket_tables_is_accepted(
    empty_database_url: str, empty: Connection
) -> None:
    await empty.execute(f"{PLATFORM}; drop table tickets, ticket_messages")
    await empty.execute("insert into users (email, password_hash) values ('mara@example.com', '')")

    await Migrator(empty).apply()

    async with world_on(empty_database_url) as world:
        ticket = await world.ticket(1)
        assert (await world.service.read(ticket.id, by=ADMIN)).user_email == "mara@example.com"


async def test_the_columns_of_users_are_checked_without_ticket_tables_too(bare: Connection) -> None:
    await bare.execute("drop table users, tickets, ticket_messages")
    await bare.execute("create table users (id uuid primary key, login text)")

    message = await refusal(bare)

    assert message.endswith("users.email is missing; users.id is uuid, not integer")


async def test_a_migrated_database_without_its_migrations_table_is_refused(
    empty: Connection,
) -> None:
    await empty.execute(PLATFORM)
    await Migrator(empty).apply()
    await empty.execute("drop table ticket_migrations")

    message = await refusal(empty)

    assert [part.split()[0] for part in message.partition(": ")[2].split("; ")] == [
        "tickets.last_message",
        "tickets.message_count",
        "tickets.version",
    ]


@pytest.fixture(scope="session")
def latin_url(postgres_url: str) -> Iterator[str]:
    """Return the URL of a database with the encoding LATIN1."""
    template = "template0 encoding 'LATIN1' locale_provider libc locale 'C'"
    with session_database(postgres_url, "latin", template) as url:
        yield url


async def test_an_encoding_other_than_utf8_is_refused(latin_url: str) -> None:
    async with connected(latin_url) as connection:
        message = await refusal(connection)

    assert message == "its encoding is LATIN1, and people write in every script: it must be UTF8"
