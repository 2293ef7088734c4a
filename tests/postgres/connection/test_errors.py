"""The SQLSTATE table: what an operator or the machine causes is a 503, a bug stays a 500.

What a rule of the platform's refuses is a 400.
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from tests.http.conftest import ADMIN_TOKENS, API, NEW_TICKET, application_on, client_of
from tests.http.problems import problem
from tests.postgres.waiting import until_returns
from tests.throwaway_postgres import OPTIONS
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.errors import BY_SQLSTATE, domain_error
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.domain.errors import StoreExhausted, StoreReadOnly, StoreUnavailable, WriteRefused
from tickets.embedded_postgres.cluster import EmbeddedPostgres

EXHAUSTED_STATES = ("22003", "2200H", "53000", "53100", "53200", "53400", "54000", "54001")
UNAVAILABLE_STATES = (
    *("08000", "08006", "08P01", "25P03", "25P04", "26000", "28000", "28P01", "3D000"),
    *(
        "42501",
        "42703",
        "42883",
        "42P01",
        "42P05",
        "3F000",
        "53300",
        "55P03",
        "57014",
        "57P01",
        "57P02",
        "57P03",
        "58030",
        "58P01",
    ),
    *("72000", "F0000", "HV00N", "XX001", "XX002"),
)
REFUSED_STATES = (
    *("22001", "22021", "22P05", "23502", "23514", "44000", "P0001", "P0004"),
    # chosen by the author of a trigger
    *("ZZ001", "TK404"),
)
BUG_STATES = ("0A000", "21000", "22012", "22P02", "42601", "XX000")
# of a later PostgreSQL: the driver has no class for them
UNKNOWN_STATES = ("53999", "54999", "57999")


def error_with(state: str) -> asyncpg.PostgresError:
    error = asyncpg.PostgresError.new({"S": "ERROR", "C": state, "M": "the message"})
    assert error.sqlstate == state
    return error


@pytest.mark.parametrize("state", EXHAUSTED_STATES)
def test_a_resource_that_has_run_out_is_store_exhausted(state: str) -> None:
    assert type(domain_error(error_with(state))) is StoreExhausted


@pytest.mark.parametrize("state", UNAVAILABLE_STATES)
def test_what_an_operator_or_the_machine_causes_is_store_unavailable(state: str) -> None:
    assert type(domain_error(error_with(state))) is StoreUnavailable


def test_a_refused_write_is_told_apart() -> None:
    """Who only wanted to read is answered all the same."""
    assert type(domain_error(error_with("25006"))) is StoreReadOnly


@pytest.mark.parametrize("state", REFUSED_STATES)
def test_a_rule_of_the_platforms_is_write_refused(state: str) -> None:
    assert type(domain_error(error_with(state))) is WriteRefused


@pytest.mark.parametrize("state", BUG_STATES)
def test_an_error_inside_a_trigger_is_the_platforms_and_not_a_bug(state: str) -> None:
    context = "PL/pgSQL-Funktion audit() Zeile 3 bei RAISE"
    fields = {"S": "ERROR", "C": state, "M": "the message", "W": context}
    assert type(domain_error(asyncpg.PostgresError.new(fields))) is StoreUnavailable


@pytest.mark.parametrize("state", UNKNOWN_STATES)
def test_a_code_that_the_driver_does_not_know_counts_by_its_class(state: str) -> None:
    assert isinstance(domain_error(error_with(state)), StoreUnavailable)


@pytest.mark.parametrize("state", BUG_STATES)
def test_a_bug_stays_visible(state: str) -> None:
    assert domain_error(error_with(state)) is None


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), asyncpg.InterfaceError("closed")]
)
def test_the_drivers_own_errors_of_a_connection_are_store_unavailable(error: Exception) -> None:
    assert type(domain_error(error)) is StoreUnavailable


def test_every_class_of_sqlstate_that_the_driver_knows_has_a_decision() -> None:
    kinds = inspect.getmembers(asyncpg.exceptions, inspect.isclass)
    states = {str(getattr(kind, "sqlstate", None) or "00000") for _, kind in kinds}

    # 00 to 02 are no errors
    assert {state[:2] for state in states} - BY_SQLSTATE.keys() == {"00", "01", "02"}


OUT_OF_SEQUENCE = "select setval('tickets_id_seq', 2147483647, true)"
OUT_OF_INTEGERS = """
    alter sequence tickets_id_seq as bigint maxvalue 9000000000 restart with 3000000000
"""


@pytest.mark.parametrize(
    ("statement", "logged"),
    [
        (OUT_OF_SEQUENCE, 'nextval: reached maximum value of sequence "tickets_id_seq"'),
        (OUT_OF_INTEGERS, "integer out of range"),
        (
            OUT_OF_SEQUENCE.replace("tickets_id_seq", "ticket_messages_id_seq"),
            'nextval: reached maximum value of sequence "ticket_messages_id_seq"',
        ),
    ],
    ids=["tickets", "integers", "messages"],
)
async def test_ids_that_have_run_out_are_a_503_and_the_log_names_the_sequence(
    postgres_world: PostgresWorld,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    logged: str,
) -> None:
    token = await postgres_world.token(await postgres_world.user())
    await postgres_world.database.fetch(statement)

    async with client_of(application_on(postgres_world)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        response = await client.post(API, headers=headers, json=NEW_TICKET)
        unread = await client.get(f"{API}/unread", headers=headers)

    body = problem(response, 503)
    assert body["type"] == "urn:tickets:problem:store-exhausted"
    assert int(response.headers["Retry-After"]) > 0
    (record,) = [line for line in caplog.records if logged in line.getMessage()]
    assert record.levelname == "ERROR"
    assert "the operator is needed" in record.getMessage()
    assert unread.status_code == 200


REAL = {
    "54001": "set local max_stack_depth = 100; select " + "(" * 900 + "1" + "+1)" * 900,
    "57014": "set local statement_timeout = 1; select pg_sleep(5)",
    "53400": "set local temp_file_limit = 0; select count(*) from"
    " (select n from generate_series(1, 3000000) n order by md5(n::text)) s",
}
"""Statements that PostgreSQL itself refuses with these codes."""


@pytest.mark.parametrize("state", REAL)
async def test_postgresql_reports_exhausted_resources_with_these_codes(
    database: Database, state: str
) -> None:
    async def run(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        async with connection.transaction():
            for statement in REAL[state].split(";"):
                await connection.execute(statement)

    connection = await database._pool.acquire()  # noqa: SLF001 - several statements on one
    try:
        with pytest.raises(asyncpg.PostgresError) as caught:
            await run(connection)
    finally:
        await database._pool.discard(connection, broken=True)  # noqa: SLF001
    assert caught.value.sqlstate == state
    assert domain_error(caught.value) is not None


async def test_a_row_that_is_too_large_for_an_index_is_store_exhausted(database: Database) -> None:
    await database.fetch("create table wide (text text primary key)")
    with pytest.raises(StoreExhausted):
        await database.fetch(
            "insert into wide select string_agg(md5(n::text), '') from generate_series(1, 9000) n"
        )


@pytest.fixture(scope="module")
def small_queue() -> Iterator[str]:
    """Return a database whose server holds 64 pages of notifications, the least possible."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-queue-"))
    folder.chmod(0o711)
    options = [*OPTIONS, "max_notify_queue_pages=64"]
    try:
        with EmbeddedPostgres(folder / "cluster", options=options) as postgres:
            yield postgres.url
    finally:
        shutil.rmtree(folder)


async def test_a_full_queue_of_notifications_is_a_503_just_until_the_idle_listener_goes(
    small_queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(small_queue) as migrating:
        await Migrator(migrating).apply()
    sleeper = await asyncpg.connect(small_queue)
    await sleeper.execute("listen anything")
    # holds back the tail of the queue
    await sleeper.execute("begin; select 1")
    async with Database(small_queue, pool_size=2).open() as database:
        world = PostgresWorld(database)
        user = {"Authorization": f"Bearer {await world.token(await world.user())}"}
        admin = {"X-Admin-Token": ADMIN_TOKENS[0]}
        async with client_of(application_on(world)) as client:
            opened = await client.post(API, headers=user, json=NEW_TICKET)
            reply = f"{API}/admin/{opened.json()['ticket']['id']}/reply"

            await fill_queue(database)
            refused = await client.post(reply, headers=admin, json={"message": "Not yet."})
            pid = sleeper.get_server_pid()
            sleeper.terminate()
            alive = "select exists (select from pg_stat_activity where pid = $1)"
            await until_returns(lambda: database.fetchval(alive, pid), expected=False)
            # nothing else asks PostgreSQL to remove what no listener needs any more
            message = {"message": "Now."}
            (await client.post(reply, headers=admin, json=message)).raise_for_status()

    assert problem(refused, 503)["type"] == "urn:tickets:problem:store-exhausted"
    assert "too many notifications in the NOTIFY queue" in caplog.text


async def fill_queue(database: Database) -> None:
    """Send notifications until PostgreSQL refuses even the smallest one."""
    for size in (7900, 1):
        with suppress(StoreExhausted):
            while True:
                await database.fetch("select pg_notify('f', repeat('x', $1))", size)


async def test_a_token_that_is_too_large_a_number_for_the_hosts_column_is_unknown(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    query = tmp_path / "identity.sql"
    query.write_text("-- name: user_by_token\nselect 1 where $1::text::integer = 7")
    lookup = PostgresTokenLookup(database, Identity.named(str(query)))

    assert await lookup.by_token("99999999999") is None
    assert await lookup.by_token("7") == 1
    assert "99999999999" not in caplog.text
