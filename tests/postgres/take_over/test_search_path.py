"""A take-over finds the tables along the search_path, in whatever schema they are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.postgres.take_over.platform import PLATFORM, Connection, world_on
from tests.world import ADMIN, messages_of
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator


@dataclass(frozen=True)
class Location:
    """The schema of the platform's tables, and the search_path that finds it."""

    schema: str
    search_path: str


@pytest.mark.parametrize(
    "location",
    [
        Location("helpdesk", "helpdesk"),
        Location("helpdesk", "helpdesk, public"),
        Location("public", '"Platform", public'),
        Location("Platform", 'missing, "Platform", public'),
    ],
    ids=lambda location: location.search_path,
)
async def test_the_tables_are_taken_over_where_the_search_path_finds_them(
    empty_database_url: str, empty: Connection, location: Location
) -> None:
    name = await empty.fetchval("select current_database()")
    await empty.execute(
        f'create schema helpdesk; create schema "Platform"; set search_path to "{location.schema}"'
    )
    await empty.execute(PLATFORM)
    await empty.execute(
        "insert into users (email, password_hash) values ('mara@example.com', '');"
        "insert into tickets (user_id, category, subject) values (1, 'billing', 'From before');"
        "insert into ticket_messages (ticket_id, sender_type, message)"
        " values (1, 'user', 'Hello');"
    )
    await empty.execute(f"alter database {name} set search_path to {location.search_path}")

    async with connected(empty_database_url) as connection:
        await Migrator(connection).apply()
        assert await Migrator(connection).apply() == []

    async with world_on(empty_database_url) as world:
        assert (await world.ticket(1)).id == 2
        (old,) = messages_of(await world.service.read(1, by=ADMIN))
    assert old.message == "Hello"
    schemas = await empty.fetch(
        """select relnamespace::regnamespace::text
             from pg_class
            where relname in ('users', 'tickets', 'ticket_messages')"""
    )
    assert {row[0].strip('"') for row in schemas} == {location.schema}
    old_indexes = await empty.fetch(
        "select indexname from pg_indexes where indexname ~ '^idx_ticket'"
    )
    assert old_indexes == []
