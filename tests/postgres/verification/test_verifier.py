"""The verifier finds what is wrong, repairs what is safe to repair, and names the rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from tests.databases import with_setting
from tests.postgres.repositories.test_ticket_counts import check_counts
from tests.postgres.roles import a_role
from tests.postgres.verification.conftest import Verification, lines
from tests.postgres.waiting import ADVISORY_LOCK_WAITERS
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import CommandConnection, connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.sql_loader import load_queries
from tickets.adapters.postgres.verification import verifier as verifier_module
from tickets.adapters.postgres.verification.verifier import Verifier
from tickets.domain.errors import StoreUnavailable
from tickets.domain.people import Actor
from tickets.domain.ticket import Status

WITHOUT_TRIGGERS = "set session_replication_role = replica"

REPLICATED = """
    insert into tickets (user_id, category, subject, admin_unread)
    values ($1, 'billing', 'Replicated', true)
    returning id
"""
ROW_WAITERS = """
    select count(*) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'
"""
MESSAGES = """
    insert into ticket_messages (ticket_id, sender_type, sender_id, message)
    select $1, case when n % 3 = 0 then 'admin' else 'user' end, null, 'Message ' || n
      from generate_series(1, $2::integer) as n
"""


async def replicated_ticket(url: str, user_id: int, *, messages: int) -> int:
    """Insert a ticket the way logical replication does: without our triggers."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(WITHOUT_TRIGGERS)
        ticket_id: int = await connection.fetchval(REPLICATED, user_id)
        await connection.execute(MESSAGES, ticket_id, messages)
    finally:
        await connection.close()
    return ticket_id


async def row(database: Database, ticket_id: int) -> dict[str, Any]:
    found = await database.fetchrow(
        """select message_count, last_message, last_ordinal, user_seen, admin_seen,
                  waiting_since is not null as waits
             from tickets where id = $1""",
        ticket_id,
    )
    assert found is not None
    return dict(found)


async def test_nothing_is_wrong_in_a_new_database(verification: Verification) -> None:
    assert await verification.find() == []
    assert await verification.start() == []


async def test_nothing_is_wrong_after_every_use_case(
    verification: Verification, world: PostgresWorld
) -> None:
    user_id = await world.user()
    for status in (*Status, None):
        ticket = await world.ticket(user_id, status=status)
        if status is not Status.CLOSED:
            await world.reply(ticket.id, ADMIN, "x" * 300)
            await world.reply(ticket.id, Actor.user(user_id), "Line\nbreak\tand ü…")
            await world.service.read(ticket.id, by=ADMIN)
            await world.service.change_status(ticket.id, Status.RESOLVED, by=ADMIN)

    assert await verification.find() == []


async def test_messages_that_no_trigger_saw_are_unread_once_they_are_numbered(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    user = Actor.user(await world.user())
    ticket = await world.ticket(user.user_id)
    await world.service.read(ticket.id, by=ADMIN)
    async with connected(database_url) as connection:
        await connection.execute(WITHOUT_TRIGGERS)
        await connection.execute(MESSAGES, ticket.id, 3)
    for reader in (user, ADMIN):
        detail = await world.service.read(ticket.id, by=reader)
        assert detail.ticket.message_count == 1

    await verification.repair()

    for reader in (user, ADMIN):
        detail = await world.service.peek(ticket.id, by=reader)
        assert detail.ticket.unread_by(reader.side)
        assert detail.ticket.mark_of(reader.side) == 1
    assert await verification.find() == []


async def test_a_thread_that_no_trigger_saw_keeps_the_flags_that_came_with_it(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    ticket_id = await replicated_ticket(database_url, await world.user(), messages=4)

    await verification.repair()

    ticket = await world.tickets.get(ticket_id)
    assert (ticket.user_unread, ticket.admin_unread) == (False, True)


async def test_tickets_that_no_trigger_saw_are_counted_and_numbered(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    user_id = await world.user()
    ticket_id = await replicated_ticket(database_url, user_id, messages=4)

    assert (await world.views.admin_stats()).total_count == 0
    found = await verification.find()
    assert found == [
        "ticket counts: the ticket counts differ from the tickets: open billing",
        *(
            f"threads: {column} is wrong in 1 ticket (ids {ticket_id})"
            for column in ("last_message", "message_count", "ordinal")
        ),
    ]
    assert await verification.find() == found

    assert await verification.repair() == [f"{line} (repaired)" for line in found]

    assert await verification.find() == []
    stats = await world.views.admin_stats()
    assert (stats.total_count, stats.open_count, stats.unread_count) == (1, 1, 1)
    repaired = await row(world.database, ticket_id)
    assert (repaired["message_count"], repaired["last_message"]) == (4, "Message 4")
    assert (repaired["last_ordinal"], repaired["waits"]) == (4, True)
    ordinals = await world.database.fetch("select ordinal from ticket_messages order by id")
    assert [each["ordinal"] for each in ordinals] == [1, 2, 3, 4]
    assert await world.service.acknowledge(ticket_id, 4, by=ADMIN) is False


async def test_a_start_repairs_the_figures_and_the_newest_tickets(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    ticket_id = await replicated_ticket(database_url, await world.user(), messages=2)

    assert len(await verification.start()) == 4

    assert await verification.find() == []
    assert (await row(world.database, ticket_id))["message_count"] == 2


WRONG_COLUMNS = {
    "message_count": "message_count = 7",
    "last_message": "last_message = 'something else'",
    "last_ordinal": "last_ordinal = 1",
    "user_seen": "user_seen = 99",
    "admin_seen": "admin_seen = -1",
    "waiting_since": "waiting_since = now()",
    "last_sender": "last_sender = 'admin'",
    "opened_by": "opened_by = 'admin'",
    # the counter, as for a write of the service itself: no trigger mends it
    "resolved_at": "status = 'open', resolved_at = now(), events_recorded = events_recorded + 1",
    "assignee_id": "assignee_id = 4711",
    "follows": "follows = 4711",
}


@pytest.mark.parametrize("column", WRONG_COLUMNS)
async def test_a_wrong_column_of_a_ticket_is_found_and_repaired(
    verification: Verification, world: PostgresWorld, column: str
) -> None:
    await world.ticket()
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    await world.reply(ticket.id, Actor.user(ticket.user_id))
    await world.service.change_status(ticket.id, Status.CLOSED, by=ADMIN)
    before = await row(world.database, ticket.id)
    version = await world.database.fetchval("select version from tickets where id = $1", ticket.id)
    await world.database.fetch(
        f"update tickets set {WRONG_COLUMNS[column]} where id = $1",  # noqa: S608 - constants
        ticket.id,
    )

    expected = f"threads: {column} is wrong in 1 ticket (ids {ticket.id})"
    assert await verification.find() == [expected]
    assert await verification.repair() == [f"{expected} (repaired)"]
    assert await verification.find() == []

    after = await row(world.database, ticket.id)
    if column == "user_seen":
        # nobody knows what it was; a mark is never beyond the last message
        before["user_seen"] = 3
    assert after == before
    # whoever has loaded or cached the wrong state has to load it again
    query = "select version from tickets where id = $1"
    assert await world.database.fetchval(query, ticket.id) > version + 1


async def test_a_wait_that_was_answered_is_over(
    verification: Verification, world: PostgresWorld
) -> None:
    ticket = await world.ticket()
    await world.reply(ticket.id, ADMIN)
    await world.database.fetch("update tickets set waiting_since = now() where id = $1", ticket.id)

    (repaired,) = await verification.repair()

    assert repaired.startswith("threads: waiting_since is wrong in 1 ticket")
    assert not (await row(world.database, ticket.id))["waits"]


async def test_a_ticket_that_the_admins_opened_has_no_first_reply(
    verification: Verification, world: PostgresWorld
) -> None:
    ticket_id = await world.database.fetchval(
        "insert into tickets (user_id, category, subject) values ($1, 'other', 'x') returning id",
        await world.user(),
    )
    for sender in ("admin", "user", "admin"):
        await world.database.fetch(
            "insert into ticket_messages (ticket_id, sender_type, message) values ($1, $2, 'x')",
            *(ticket_id, sender),
        )
    assert await verification.find() == []
    await world.database.fetch("update tickets set first_replied_at = now()")

    assert await verification.repair() == [
        f"threads: first_replied_at is wrong in 1 ticket (ids {ticket_id}) (repaired)"
    ]
    assert await verification.find() == []


async def test_a_ticket_that_others_hold_is_left_for_later(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    ticket = await world.ticket()
    await world.database.fetch("update tickets set message_count = 7")
    async with connected(database_url) as holder, holder.transaction():
        await holder.fetch("select id from tickets for update")

        found = await verification.repair()

    assert found == [f"threads: message_count is wrong in 1 ticket (ids {ticket.id})"]
    assert await verification.repair() == [f"{found[0]} (repaired)"]


async def test_sequences_behind_their_ids_are_repaired_at_a_start(
    verification: Verification, world: PostgresWorld
) -> None:
    for _ in range(3):
        await world.ticket()
    await world.database.fetch(
        """select setval('tickets_id_seq', 1, false),
                  setval('ticket_messages_id_seq', 2, true)"""
    )

    assert await verification.start() == [
        (
            "sequences: sequence ticket_messages_id_seq gives 3 next, and ticket_messages has ids "
            "up to 3 (repaired)"
        ),
        "sequences: sequence tickets_id_seq gives 1 next, and tickets has ids up to 3 (repaired)",
    ]

    assert (await world.ticket()).id == 4


async def test_functions_follow_their_schema_to_its_new_name(
    database_url: str, world: PostgresWorld
) -> None:
    """Their search_path is pinned, and would lead nowhere."""
    ticket = await world.ticket()
    name = await world.database.fetchval("select current_database()")
    await world.database.fetch("alter schema public rename to helpdesk")
    await world.database.fetch(f"alter database {name} set search_path = helpdesk")
    async with Database(database_url).open() as database, connected(database_url) as connection:
        renamed = PostgresWorld(database)
        with pytest.raises(StoreUnavailable):
            await renamed.ticket(ticket.user_id)

        findings = lines(await Verifier(connection, repair=True).at_start())

        assert len(findings) >= 2
        assert all(
            line.startswith("search path: function") and line.endswith(" (repaired)")
            for line in findings
        )
        assert (await renamed.ticket(ticket.user_id)).user_id == ticket.user_id
        await check_counts(database)
        assert lines(await Verifier(connection, repair=False).in_full()) == []


async def test_a_disabled_trigger_is_enabled_and_a_missing_one_named(
    verification: Verification, world: PostgresWorld
) -> None:
    await world.database.fetch("alter table tickets disable trigger ticket_counts_move")
    await world.database.fetch("alter table tickets disable trigger ticket_versions_rise")
    await world.database.fetch("drop trigger ticket_badges_move on tickets")

    found = await verification.repair()

    assert found == [
        (
            "triggers: trigger ticket_badges_move on tickets is missing: restore it from a backup "
            "of the schema"
        ),
        "triggers: trigger ticket_counts_move on tickets is disabled (repaired)",
        "triggers: trigger ticket_versions_rise on tickets is disabled (repaired)",
    ]
    assert await verification.repair() == found[:1]


async def test_triggers_that_a_setting_switches_off_are_named(database_url: str) -> None:
    async with connected(
        with_setting(database_url, "session_replication_role=replica")
    ) as connection:
        (finding,) = lines(await Verifier(connection, repair=True).at_start())

    assert finding.startswith("triggers: session_replication_role is replica for")


async def test_every_trigger_of_ours_is_verified(verification: Verification) -> None:
    rows = await verification.connection.fetch(
        """select tgname
             from pg_trigger
            where not tgisinternal and tgname like 'ticket%' and tgname <> 'ticket_messages_id'"""
    )
    query = load_queries("verification")["find_idle_triggers"].sql

    assert {f"'{row['tgname']}'" for row in rows} == {
        word.strip("(),")
        for word in query.split()
        if word.startswith("'ticket_") and word.rstrip("),;").endswith("'") and "_" in word
    } - {"'ticket_messages'", "'ticket_tokens'", "'ticket_admins'"}


async def test_a_missing_unique_index_and_an_invalid_one_are_named(
    verification: Verification, world: PostgresWorld
) -> None:
    await world.database.fetch("drop index ticket_messages_in_order")
    await world.database.fetch(
        """update pg_index set indisvalid = false
            where indexrelid = 'tickets_of_user'::regclass"""
    )

    assert await verification.repair() == [
        "indexes: index tickets_of_user is invalid: reindex it",
        "indexes: there is no unique index on ticket_messages (ticket_id, ordinal)",
    ]


async def test_missing_constraints_and_those_that_were_never_validated_are_named(
    verification: Verification, world: PostgresWorld
) -> None:
    """As a restore leaves them that failed half-way."""
    for statement in (
        "alter table ticket_messages drop constraint ticket_messages_ticket_id_fkey",
        "alter table tickets drop constraint tickets_status_known",
        "alter table tickets drop constraint tickets_category_known",
        "alter table tickets add constraint tickets_category_known check (true) not valid",
        "drop index tickets_by_activity",
    ):
        await world.database.fetch(statement)

    backup = "restore it from a backup of the schema"
    assert await verification.repair() == [
        f"indexes: index tickets_by_activity is missing: {backup}",
        "constraints: constraint tickets_category_known on tickets is not validated: validate it",
        f"constraints: constraint tickets_status_known on tickets is missing: {backup}",
        f"constraints: foreign key to tickets on ticket_messages is missing: {backup}",
    ]


async def test_every_constraint_and_index_of_ours_is_verified(verification: Verification) -> None:
    """Each is dropped in turn, and named."""
    constraints = await verification.connection.fetch(
        """select conrelid::regclass::text as table_name, conname as name
             from pg_constraint
            where contype in ('c', 'f') and connamespace = 'public'::regnamespace"""
    )
    indexes = await verification.connection.fetch(
        """select indexrelid::regclass::text as name
             from pg_index
            where not indisunique and indrelid::regclass::text like 'ticket%'"""
    )
    statements = [
        *(f"alter table {row['table_name']} drop constraint {row['name']}" for row in constraints),
        *(f"drop index {row['name']}" for row in indexes),
    ]
    assert len(statements) >= 12 + 16

    for number, statement in enumerate(statements, 1):
        await verification.connection.execute(statement)
        found = await Verifier(verification.connection, repair=False).configuration()
        assert len(found) == number, statement


async def test_repairs_during_concurrent_writes_leave_exact_figures(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    """Nobody waits for the repair, and what is written meanwhile is neither missed nor doubled."""
    user_id = await world.user()
    tickets = [await world.ticket(user_id) for _ in range(6)]
    at_random = random.Random(4711)  # noqa: S311 - not a secret
    stop = asyncio.Event()
    fold = load_queries("ticket_counts")["fold_counts"].sql

    async def write() -> None:
        for _ in range(25):
            ticket = at_random.choice(tickets)
            match at_random.randrange(3):
                case 0:
                    status = at_random.choice(list(Status)[:3])
                    await world.service.change_status(ticket.id, status, by=ADMIN)
                case 1:
                    await world.reply(ticket.id, Actor.user(user_id))
                case _:
                    tickets.append(await world.ticket(user_id))

    async def spoil(connection: CommandConnection) -> None:
        await connection.execute(WITHOUT_TRIGGERS)
        await connection.fetchval(REPLICATED, user_id)
        await connection.execute("update tickets set message_count = 0 where id % 3 = 0")

    async def repair(connection: CommandConnection) -> None:
        await Verifier(connection, repair=True).in_full()

    async def fold_counts(connection: CommandConnection) -> None:
        await connection.execute(fold)

    async def again_and_again(work: Callable[[CommandConnection], Awaitable[None]]) -> None:
        async with connected(database_url) as connection:
            while not stop.is_set():
                await work(connection)

    background = [
        asyncio.create_task(again_and_again(work)) for work in (spoil, repair, repair, fold_counts)
    ]
    await asyncio.gather(*(write() for _ in range(6)))
    stop.set()
    await asyncio.gather(*background)

    await verification.repair()
    assert await verification.find() == []
    await check_counts(world.database)


async def test_a_repair_waits_for_no_writer_and_blocks_none(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    user_id = await world.user()
    await replicated_ticket(database_url, user_id, messages=1)
    async with connected(database_url) as writer, writer.transaction():
        await writer.execute(
            "insert into tickets (user_id, category, subject) values ($1, 'other', 'x')", user_id
        )

        repaired = await verification.repair()

        assert "ticket counts" in repaired[0]
        # the ticket of the open transaction is not counted twice when it is committed
    await check_counts(world.database)


async def test_two_repairs_at_once_do_not_both_add_the_difference(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    sql = load_queries("verification")
    await replicated_ticket(database_url, await world.user(), messages=1)
    async with connected(database_url) as other:
        async with other.transaction():
            await other.execute(sql["lock_verification"].sql)
            await other.execute(sql["repair_counts"].sql)
            second = asyncio.create_task(
                Verifier(verification.connection, repair=True).ticket_counts()
            )
            while not (second.done() or await other.fetchval(ADVISORY_LOCK_WAITERS)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        assert await second == []
    await check_counts(world.database)


async def test_a_repair_sees_what_was_committed_while_it_waited_for_the_row(
    verification: Verification, world: PostgresWorld, database_url: str
) -> None:
    ticket = await world.ticket()
    await world.database.fetch("update tickets set message_count = 7")
    async with connected(database_url) as writer:
        async with writer.transaction():
            await writer.execute("select from tickets for no key update")
            await writer.execute(
                """insert into ticket_messages (ticket_id, sender_type, message, ordinal)
                   values ($1, 'admin', 'Written meanwhile', 2)""",
                ticket.id,
            )
            await writer.execute("update tickets set last_ordinal = 2")
            repairing = asyncio.create_task(verification.repair())
            while not (repairing.done() or await writer.fetchval(ROW_WAITERS)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        found = await repairing
    if "(repaired)" not in found[0]:
        # on a slow machine the row was held for longer than a repair waits
        await verification.repair()

    assert await verification.find() == []
    assert (await row(world.database, ticket.id))["message_count"] == 2


async def test_a_part_of_a_start_that_takes_too_long_is_left_to_the_daily_round(
    verification: Verification, world: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ticket()
    await world.database.fetch("update tickets set message_count = 7")
    await world.database.fetch(
        """create function slow_preview() returns text language sql
           as 'select pg_sleep(30)::text'"""
    )
    await world.database.fetch(
        """create or replace function ticket_message_preview(message text) returns text
           language sql as 'select slow_preview()'"""
    )
    monkeypatch.setattr(verifier_module, "START_TIMEOUT_MS", 100)

    (finding,) = await verification.start()

    assert finding.startswith("functions: function ticket_message_preview is not the one")


async def test_nothing_is_repaired_in_a_read_only_database(
    database_url: str, world: PostgresWorld
) -> None:
    await world.ticket()
    await world.database.fetch("update tickets set message_count = 7")
    async with connected(
        with_setting(database_url, "default_transaction_read_only=on")
    ) as connection:
        findings = await Verifier(connection, repair=True).at_start()

    assert lines(findings) == [
        "read-only: the database is read-only: nothing can be saved",
        "threads: message_count is wrong in 1 ticket (ids 1)",
    ]
    assert not any(finding.prevents_start for finding in findings)


async def test_a_missing_right_prevents_a_start_and_is_named(database_url: str) -> None:
    async with a_role(database_url) as role:
        await role.owner.execute(f"revoke all on ticket_counts from {role.name}")
        async with connected(role.url) as connection:
            verifier = Verifier(connection, repair=True)
            findings = await verifier.configuration()

    assert lines([finding for finding in findings if finding.prevents_start]) == [
        f"privileges: the role {role.name} lacks select, insert, update, delete on ticket_counts"
    ]


async def test_a_role_with_all_rights_that_owns_nothing_has_no_findings(
    database_url: str,
) -> None:
    async with a_role(database_url) as role, connected(role.url) as connection:
        assert await Verifier(connection, repair=True).at_start() == []


RIGHTS = [
    ("users", ["select"]),
    ("tickets", ["select", "insert", "update"]),
    ("ticket_messages", ["select", "insert"]),
    ("ticket_counts", ["select", "insert", "update", "delete"]),
    ("ticket_idempotency_keys", ["select", "insert", "update", "delete"]),
    ("ticket_rates", ["select", "insert", "update", "delete"]),
    ("ticket_tokens", ["select", "insert", "update", "delete"]),
    ("ticket_admins", ["select", "insert", "update"]),
    ("ticket_people", ["select"]),
    ("ticket_notes", ["select", "insert"]),
    ("ticket_saved_replies", ["select", "insert", "update", "delete"]),
    ("ticket_events", ["select", "insert"]),
    ("ticket_channels", ["select", "insert", "update"]),
    ("ticket_deliveries", ["select", "insert", "update", "delete"]),
    ("ticket_mail_unsubscribed", ["select", "insert", "delete"]),
    ("ticket_mail_refusals", ["select", "insert", "update", "delete"]),
    ("ticket_mail_counts", ["select", "insert", "update", "delete"]),
    ("ticket_migrations", ["select"]),
    ("ticket_verification", ["select", "update"]),
]


async def test_the_rights_that_are_told_by_table_are_those_that_the_statements_need(
    database_url: str,
) -> None:
    """With exactly these rights every statement can be run; without any one of them, one cannot."""
    async with a_role(database_url) as role:
        await role.owner.execute(f"revoke all on all tables in schema public from {role.name}")
        for table, rights in RIGHTS:
            await role.owner.execute(f"grant {', '.join(rights)} on {table} to {role.name}")
        async with connected(role.url) as connection:
            verifier = Verifier(connection, repair=False)
            assert lines(await verifier.configuration()) == []
            for table, rights in RIGHTS:
                for right in rights:
                    if table in ("ticket_verification", "ticket_migrations"):
                        continue
                    await role.owner.execute(f"revoke {right} on {table} from {role.name}")
                    # the list of rights is emptied, so that only the trial remains
                    findings = await verifier.configuration()
                    assert lines(findings) == [
                        f"privileges: the role {role.name} lacks {right} on {table}"
                    ]
                    await role.owner.execute(f"grant {right} on {table} to {role.name}")


async def test_a_statement_that_cannot_run_prevents_a_start_and_is_named(
    verification: Verification,
) -> None:
    await verification.connection.execute(
        "alter table ticket_rates drop constraint ticket_rates_pkey"
    )

    findings = await Verifier(verification.connection, repair=True).at_start()

    assert {finding.check for finding in findings} == {"statements", "indexes"}
    assert any(
        finding.prevents_start
        and "the statement record_hit cannot run: there is no unique or exclusion constraint"
        in finding.detail
        for finding in findings
    )


@pytest.mark.parametrize("position", [None, 40])
async def test_a_start_before_the_first_ticket_uses_up_no_number(
    database_url: str, world: PostgresWorld, position: int | None
) -> None:
    """A platform that deleted its 40 tickets gets number 41, a new desk number 1."""
    mara = await world.user()
    if position:
        await world.database.fetch(f"select setval('tickets_id_seq', {position})")
    async with connected(database_url) as connection:
        assert await Verifier(connection, repair=True).at_start() == []

    assert (await world.ticket(mara)).id == (position or 0) + 1


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (
            "alter table tickets add check (priority in ('low', 'high')) not valid",
            "opening a ticket",
        ),
        ("alter table tickets add column tenant_id integer not null", "opening a ticket"),
        (
            "alter table ticket_messages add check (sender_type <> 'admin') not valid",
            "opening a ticket on behalf of a user",
        ),
        (
            """alter table ticket_messages
                   add check (sender_type <> 'admin' or ordinal = 1) not valid""",
            "replying",
        ),
        ("alter table tickets add check (status <> 'closed') not valid", "the status closed"),
        (
            "alter table tickets add check (priority in ('low', 'normal', 'high')) not valid",
            "the priority urgent",
        ),
        ("alter table tickets add check (assignee_id is null) not valid", "assigning"),
        (
            "alter table tickets add check (waiting_since is not null) not valid",
            "opening a ticket on behalf of a user",
        ),
        (
            """alter table tickets add check (waiting_since is not null or opened_by = 'admin')
                   not valid""",
            "marking a ticket as handled",
        ),
        (
            "alter table tickets add check (message_count < 4) not valid",
            "a reply with a status",
        ),
        (
            """alter table ticket_messages
                   add check (ordinal < 3 or sender_type = 'admin') not valid""",
            "a user's reply",
        ),
        ("alter table ticket_notes add check (note is null) not valid", "a note"),
        ("alter table ticket_notes add column tenant_id integer not null", "a note"),
        (
            "alter table ticket_saved_replies add check (title is null) not valid",
            "a saved reply",
        ),
        (
            """alter table ticket_saved_replies add check (text not like '% ') not valid""",
            "changing a saved reply",
        ),
        (
            """do $do$
               begin
                   create function kept() returns trigger language plpgsql as
                       $$ begin raise exception 'kept'; end $$;
                   create trigger kept before delete on ticket_saved_replies
                       for each row execute function kept();
               end
               $do$""",
            "deleting a saved reply",
        ),
        ("alter table ticket_events add check (kind <> 'priority') not valid", "the priority low"),
    ],
)
async def test_the_writes_are_rehearsed_and_a_refused_one_is_named(
    verification: Verification, world: PostgresWorld, change: str, refused: str
) -> None:
    """As a platform may have changed its tables after the take-over."""
    await world.user()
    await world.admin()
    assert await verification.find() == []
    await world.database.fetch(change)

    (found,) = await verification.find()

    assert found.startswith(f"writes: {refused} is refused: ")
    assert await world.database.fetchval("select count(*) from tickets") == 0


async def test_a_finding_is_one_line(verification: Verification, world: PostgresWorld) -> None:
    await world.ticket()
    await world.ticket()
    # PostgreSQL explains a duplicate key in a second line; this sequence runs into the ids
    await world.database.fetch("alter sequence tickets_id_seq increment -1")

    (found,) = await verification.find()

    assert found.startswith("writes: opening a ticket is refused: duplicate key")
    assert "Key (id)" in found
    assert len(found.splitlines()) == 1


async def test_a_rehearsal_leaves_nothing_but_used_ids(
    verification: Verification, world: PostgresWorld
) -> None:
    await world.ticket()
    before = await world.snapshot()

    assert await verification.repair() == []

    assert await world.snapshot() == before


async def test_triggers_that_do_not_count_are_found_by_the_rehearsal(
    verification: Verification, world: PostgresWorld
) -> None:
    await world.user()
    await world.database.fetch(
        """create or replace function ticket_counts_add() returns trigger
           language plpgsql security definer set search_path = public, pg_temp
           as 'begin return null; end'"""
    )

    assert await verification.find() == [
        (
            "functions: function ticket_counts_add is not the one that the migrations created: "
            "restore it from a backup of the schema"
        ),
        "writes: a new ticket is not in the ticket counts",
    ]
