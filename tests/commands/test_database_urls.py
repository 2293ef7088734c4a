"""Database URLs as they are pasted from a hosting provider: understood, or refused by name."""

from __future__ import annotations

import math
from pathlib import Path

import asyncpg
import pytest

from tests.commands.conftest import Shell
from tickets.adapters.postgres.connection import connect
from tickets.adapters.postgres.connection.connect import CannotConnect, connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.driver import open_connection
from tickets.settings.database_url import UnusableUrl, driver_url
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

BASE = "postgresql://someone:secret@db.example.com/tickets"


@pytest.mark.parametrize(
    "query",
    [
        "connect_timeout=10",
        "connect_timeout=0",
        "channel_binding=prefer",
        "channel_binding=disable",
        "gssencmode=disable",
        "keepalives=1&keepalives_idle=30&keepalives_interval=5&keepalives_count=3",
        "tcp_user_timeout=3000",
        "fallback_application_name=x",
        "client_encoding=UTF8",
        "load_balance_hosts=disable",
        "sslcompression=0&sslsni=1",
        "replication=false",
        "sslcertmode=allow",
    ],
)
def test_what_the_driver_need_not_see_is_left_out(query: str) -> None:
    Settings.read({"TICKETS_DATABASE_URL": f"{BASE}?{query}"})
    assert driver_url(f"{BASE}?{query}").url == BASE
    mixed = driver_url(f"{BASE}?sslmode=require&{query}&options=-c%20x.y%3D1")
    assert mixed.url == f"{BASE}?sslmode=require&options=-c%20x.y%3D1"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("channel_binding=require", "has channel_binding=require, which the driver cannot do"),
        ("gssencmode=require", "use sslmode=require"),
        ("client_encoding=latin1", "it always uses UTF8"),
        ("load_balance_hosts=random", "load_balance_hosts=random"),
        ("hostaddr=10.0.0.1", "has hostaddr, which the driver does not know"),
        ("require_auth=scram-sha-256", "has require_auth"),
        ("connect_timeout=soon", "has connect_timeout=soon; it must be a whole number"),
        ("sslmode=on", "has sslmode=on; it can be disable, allow"),
        ("sslnegotiation=tls", "has sslnegotiation=tls; it can be postgres"),
        ("target_session_attrs=leader", "has target_session_attrs=leader; it can be any"),
        ("sslrootcert=system", "has sslrootcert=system, but there is no such file"),
        ("sslmode", "needs parameters of the form name=value"),
    ],
)
def test_what_the_driver_cannot_do_is_refused_in_one_sentence_that_names_it(
    query: str, named: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({"TICKETS_DATABASE_URL": f"{BASE}?{query}"})

    message = str(raised.value)
    assert message.startswith("TICKETS_DATABASE_URL ")
    assert named in message
    assert message.endswith(".")
    assert "secret" not in message


UNKNOWN_TO_THE_DRIVER = """
    authtype channel_binding client_encoding connect_timeout fallback_application_name gssdelegation
    gssencmode hostaddr keepalives keepalives_count keepalives_idle keepalives_interval
    load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret
    oauth_issuer oauth_scope replication require_auth requirepeer requiressl scram_client_key
    scram_server_key servicefile sslcertmode sslcompression sslcrldir sslkeylogfile sslsni
    tcp_user_timeout tty
"""


@pytest.mark.parametrize("name", UNKNOWN_TO_THE_DRIVER.split())
def test_no_parameter_of_libpq_is_sent_to_the_server_as_a_setting(name: str) -> None:
    for value in ("1", "x"):
        try:
            url = driver_url(f"{BASE}?{name}={value}").url
        except UnusableUrl as error:
            assert f"has {name}" in str(error)  # noqa: PT017 - either this or the other
        else:
            assert url == BASE


async def test_the_time_out_of_the_url_holds_if_it_is_the_shorter_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[object] = []

    async def connect(*_: object, **options: object) -> None:
        used.append(options["timeout"])

    monkeypatch.setattr(asyncpg, "connect", connect)
    for seconds in (7, 70):
        await open_connection(f"{BASE}?connect_timeout={seconds}", timeout=10.0)

    assert used == [7, 10]


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 10), ("1", 2), ("0", math.inf), ("-1", math.inf), ("", math.inf)]
)
def test_the_time_out_is_that_of_libpq(text: str, seconds: float) -> None:
    assert driver_url(f"{BASE}?connect_timeout={text}").connect_timeout == seconds


def test_the_certificates_file_is_left_to_the_driver(tmp_path: Path) -> None:
    (tmp_path / "root.crt").write_text("")
    url = f"{BASE}?sslmode=verify-full&sslrootcert={tmp_path}/root.crt"

    assert Settings.read({"TICKETS_DATABASE_URL": url}).database_url == url
    assert driver_url(url).url == url


PASTED = (
    "connect_timeout=10&channel_binding=prefer&gssencmode=prefer&keepalives=1"
    "&target_session_attrs=read-write&application_name=shop&options=-c%20work_mem%3D5MB"
)


async def test_a_pasted_url_works_for_commands_and_for_the_service(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"
    url = f"{database_url}{mark}{PASTED}"
    settings = "select current_setting('application_name'), current_setting('work_mem')"

    async with connected(url) as connection:
        assert tuple(await connection.fetchrow(settings)) == ("shop", "5MB")
    async with Database(url).open() as database:
        (row,) = await database.fetch(settings)
    assert tuple(row) == ("shop", "5MB")


async def test_a_missing_privilege_is_not_taken_for_a_parameter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise asyncpg.InsufficientPrivilegeError("permission denied for database tickets")

    monkeypatch.setattr(connect, "open_connection", refused)
    with pytest.raises(CannotConnect, match="cannot be reached: permission denied for database"):
        async with connected(BASE):
            pass


@pytest.mark.parametrize("query", ["schema=public", "pgbouncer=true", "shared_buffers=1"])
async def test_a_parameter_that_the_server_refuses_is_named(database_url: str, query: str) -> None:
    mark = "&" if "?" in database_url else "?"

    with pytest.raises(CannotConnect, match="refuses a parameter of its URL") as raised:
        async with connected(f"{database_url}{mark}{query}"):
            pass

    assert query.partition("=")[0] in str(raised.value)


def test_the_command_names_the_parameter(shell: Shell) -> None:
    result = shell.run("migrate", TICKETS_DATABASE_URL=f"{BASE}?channel_binding=require")

    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: TICKETS_DATABASE_URL has channel_binding=require")
    assert "cannot be reached" not in line
