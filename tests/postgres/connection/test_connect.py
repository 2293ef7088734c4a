"""Connecting: how a database is named in messages, malformed URLs, the server's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.world import PostgresWorld, messages_of
from tickets.adapters.postgres.connection.connect import CannotConnect, connected, location
from tickets.adapters.postgres.connection.database import Database


@pytest.mark.parametrize(
    ("url", "named"),
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
def test_a_database_is_named_without_its_credentials(url: str, named: str) -> None:
    assert location(url) == named


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:secret@127.0.0.1:99999/tickets",
        "postgresql://someone:pass#secret@127.0.0.1/tickets",
        "postgresql://someone:secret@[::1/tickets",
        "postgresql://someone:secret@127.0.0.1:1,127.0.0.1:2/tickets",
    ],
)
async def test_the_error_for_a_malformed_url_does_not_contain_the_password(url: str) -> None:
    with pytest.raises(CannotConnect) as raised:
        async with connected(url):
            pass

    assert "secret" not in str(raised.value)
    assert "pass" not in str(raised.value).replace("password", "")


async def test_the_error_for_an_unknown_option_names_it(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"

    with pytest.raises(CannotConnect, match="channel_binding"):
        async with connected(f"{database_url}{mark}channel_binding=require"):
            pass


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Africa/Monrovia"])
async def test_times_are_utc_whatever_the_time_zone_of_the_database(
    database_url: str, zone: str
) -> None:
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database {name} set timezone to '{zone}'")
    await connection.close()

    async with Database(database_url).open() as database:
        world = PostgresWorld(database)
        # on this day the offset of Monrovia was not a whole number of minutes
        world.clock.moment = datetime(1970, 1, 1, tzinfo=UTC)
        ticket = await world.ticket()
        detail = await world.detail(ticket.id)

        (message,) = messages_of(detail)
        assert message.created_at == ticket.created_at == detail.ticket.created_at
        assert message.created_at.utcoffset() == timedelta(0)
