"""What a platform's server may have set otherwise, and how a database is named to people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.world import START, PostgresWorld
from tickets.adapters.postgres.connection.connect import CannotConnect, connected, location
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.ticket import Status


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://someone:secret@db.example.com:5432/tickets", "db.example.com:5432/tickets"),
        ("postgresql://someone:secret@one:1,two:2/tickets?sslmode=prefer", "one:1,two:2/tickets"),
        ("postgresql://db/tickets", "db/tickets"),
        ("postgresql://someone:sec@ret@db/tickets", "db/tickets"),
        ("postgresql://someone:sec#ret/?@db:99999/tickets", "db:99999/tickets"),
        ("postgresql://postgres@/tickets?host=/var/run/postgresql", "/var/run/postgresql/tickets"),
        ("postgresql:///tickets", "localhost/tickets"),
    ],
)
def test_a_database_is_named_without_its_credentials(url: str, shown: str) -> None:
    assert location(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:secret@127.0.0.1:99999/tickets",
        "postgresql://someone:pass#secret@127.0.0.1/tickets",
        "postgresql://someone:secret@[::1/tickets",
        "postgresql://someone:secret@127.0.0.1:1,127.0.0.1:2/tickets",
    ],
)
async def test_an_odd_url_is_told_in_one_line_without_its_secret(url: str) -> None:
    with pytest.raises(CannotConnect) as raised:
        async with connected(url):
            pass

    assert "secret" not in str(raised.value)
    assert "pass" not in str(raised.value).replace("password", "")


async def test_a_url_with_an_unknown_option_is_told_in_one_line(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"

    with pytest.raises(CannotConnect, match="channel_binding"):
        async with connected(f"{database_url}{mark}channel_binding=require"):
            pass


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Africa/Monrovia"])
async def test_times_are_utc_whatever_zone_the_database_is_set_to(
    database_url: str, zone: str
) -> None:
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database {name} set timezone to '{zone}'")
    await connection.close()

    async with Database(database_url).open() as database:
        world = PostgresWorld(database)
        # a day on which that zone was not a whole number of minutes away
        world.clock.moment = datetime(1970, 1, 1, tzinfo=UTC)
        ticket = await world.ticket()
        detail = await world.tickets.get_with_thread(ticket.id)

        (message,) = detail.messages
        assert message.created_at == ticket.created_at == detail.ticket.created_at
        assert message.created_at.utcoffset() == timedelta(0)


async def test_natural_close_also_sees_messages_that_a_platform_wrote_without_moving_updated_at(
    database: Database, postgres_world: PostgresWorld
) -> None:
    world = postgres_world
    ticket = await world.ticket(status=Status.RESOLVED)
    await database.fetch(
        """insert into ticket_messages (ticket_id, sender_type, message, created_at)
           values ($1, 'user', 'It broke again.', $2)""",
        ticket.id,
        START + timedelta(hours=100),
    )
    week = timedelta(hours=168)

    world.clock.moment = START + timedelta(hours=200)
    assert await world.auto_close.close_due(week) == 0
    world.clock.moment = START + timedelta(hours=270)
    assert await world.auto_close.close_due(week) == 1
