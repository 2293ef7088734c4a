"""The schema after a take-over: columns, indexes and constraints, ours and the platform's."""

from __future__ import annotations

import os

import asyncpg
import pytest

from tests.postgres.take_over.platform import Connection, names, snapshot, world_on
from tests.world import ADMIN, PostgresWorld
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.schema.migrations import MigrationError, Migrator
from tickets.domain.errors import NotAuthenticated


async def test_the_indexes_are_replaced_and_the_constraints_are_added(
    taken_over_connection: Connection,
) -> None:
    assert await names(taken_over_connection, "indexes", "tickets") == {
        "tickets_pkey",
        "tickets_of_user",
        "tickets_unread_by_user",
        "tickets_by_activity",
        "tickets_by_status_and_category",
        "tickets_resolved",
        "tickets_by_followed",
        "tickets_waiting",
        "tickets_by_assignee",
        "tickets_not_done",
        "tickets_search",
    }
    assert await names(taken_over_connection, "indexes", "ticket_messages") == {
        "ticket_messages_pkey",
        "ticket_messages_in_order",
        "ticket_messages_search",
    }
    assert await names(taken_over_connection, "constraints", "tickets") == {
        "tickets_pkey",
        "tickets_user_id_fkey",
        "tickets_status_known",
        "tickets_category_known",
        "tickets_message_count_natural",
    }
    assert await names(taken_over_connection, "constraints", "ticket_messages") == {
        "ticket_messages_pkey",
        "ticket_messages_ticket_id_fkey",
        "ticket_messages_sender_type_known",
    }


async def test_the_columns_are_those_of_a_new_database(
    taken_over_connection: Connection, database_url: str
) -> None:
    columns = """
        select table_name, column_name, data_type, character_maximum_length, is_nullable,
               column_default
          from information_schema.columns
         where table_name in ('tickets', 'ticket_messages', 'ticket_tokens', 'ticket_migrations')
         order by table_name, column_name
    """
    async with connected(database_url) as new:
        assert await taken_over_connection.fetch(columns) == await new.fetch(columns)


async def test_constraints_refuse_rows_that_the_specification_does_not_know(
    database: Database,
) -> None:
    await PostgresWorld(database).ticket()
    constraints = {
        "update tickets set status = 'OPEN'": "tickets_status_known",
        "update tickets set category = 'sales'": "tickets_category_known",
        "update tickets set message_count = -1": "tickets_message_count_natural",
        "update tickets set user_id = 9999": "tickets_user_id_fkey",
        "update ticket_messages set sender_type = 'bot'": "ticket_messages_sender_type_known",
        "update ticket_messages set ticket_id = 9999": "ticket_messages_ticket_id_fkey",
    }

    violated = {}
    for statement in constraints:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
            await database.fetch(statement)
        violated[statement] = caught.value.constraint_name

    assert violated == constraints


# What a platform may have added to the tables: columns, a view, keys, triggers, indexes.
ADDITIONS = """
alter table tickets add column handled_by integer references users (id), add column tags text[];
update tickets set handled_by = 5, tags = '{old,"very old"}' where id % 2 = 0;

create domain address as varchar(255) check (value like '%@%');
alter table users alter column email type address;

create view open_tickets as
select t.*, u.email from tickets t join users u on u.id = t.user_id where status = 'open';

create table ratings (
    ticket_id integer primary key references tickets (id) deferrable initially deferred, stars int);
insert into ratings select id, id % 5 from tickets where status = 'closed';

create table audit (id serial, what text);
create function stamp() returns trigger language plpgsql as
    $$ begin new.updated_at := now(); insert into audit (what) values (tg_name); return new; end $$;
create function note() returns trigger language plpgsql as
    $$ begin insert into audit (what) values (tg_name); return null; end $$;
create trigger stamp before update on tickets for each row execute function stamp();
create trigger "Always noted" after update on tickets for each row execute function note();
create trigger off after update on tickets for each row execute function note();
create trigger elsewhere after update on tickets for each row execute function note();
create constraint trigger later after insert or update on tickets deferrable initially deferred
    for each row execute function note();
create trigger noted after update on ticket_messages for each statement execute function note();
alter table tickets enable always trigger "Always noted", disable trigger off,
                    enable replica trigger elsewhere;

create index tickets_of_assignee on tickets (handled_by);
alter table tickets add constraint tickets_status_check check (status <> 'lost');
comment on table tickets is 'of the platform';
create schema reports;
create table reports.weekly (status text);
create index idx_tickets_status on reports.weekly (status);
"""


async def test_the_platforms_columns_are_unchanged_and_its_triggers_do_not_fire(
    platform_url: str, platform: Connection
) -> None:
    await platform.execute(ADDITIONS)
    queries = {
        "column": "select id, handled_by, tags from tickets order by id",
        "view": "select id, subject, email from open_tickets order by id",
        "times": "select id, updated_at from tickets where id % 67 <> 0 order by id",
        "foreign key": "select ticket_id, stars from ratings order by ticket_id",
        "triggers": r"""
            select tgname, tgenabled
              from pg_trigger
             where not tgisinternal and tgname not like 'ticket\_%'
             order by tgname""",
        "audit": "select what from audit",
        "comment": "select obj_description('tickets'::regclass)",
        "other index": "select to_regclass('reports.idx_tickets_status')",
    }
    before = {what: await platform.fetch(query) for what, query in queries.items()}

    await Migrator(platform).apply()

    assert {what: await platform.fetch(query) for what, query in queries.items()} == before
    assert len(before["triggers"]) == 6
    assert "tickets_of_assignee" in await names(platform, "indexes", "tickets")
    assert "tickets_status_check" in await names(platform, "constraints", "tickets")
    async with world_on(platform_url) as world:
        ticket = await world.ticket(7)
        await world.reply(ticket.id, ADMIN)
        assert (await world.detail(ticket.id)).user_email == "user7@example.com"
    fired = await platform.fetch("select distinct what from audit order by what")
    assert [row["what"] for row in fired] == ["Always noted", "later", "stamp"]


async def test_a_name_that_the_platform_uses_is_an_error_and_nothing_is_changed(
    platform: Connection,
) -> None:
    await platform.execute(
        "alter table tickets add constraint tickets_category_known check (category <> 'none')"
    )
    before = await snapshot(platform)

    with pytest.raises(MigrationError, match=r'"tickets_category_known".* already exists'):
        await Migrator(platform).apply()

    assert await snapshot(platform) == before


async def test_rows_hidden_by_row_level_security_are_an_error(
    platform: Connection,
) -> None:
    owner = f"owner_{os.getpid()}"
    await platform.execute(
        f"""
        create role {owner};
        grant create on schema public to {owner};
        alter table users owner to {owner};
        alter table tickets owner to {owner};
        alter table ticket_messages owner to {owner};
        alter table tickets force row level security, enable row level security;
        create policy own on tickets using (user_id = 1);
        set role {owner};
        """
    )

    with pytest.raises(MigrationError, match='row-level security policy for table "tickets"'):
        await Migrator(platform).apply()

    await platform.execute(f"reset role; reassign owned by {owner} to current_user")
    await platform.execute(f"drop owned by {owner}; drop role {owner}")


async def test_an_index_with_a_name_of_the_specification_but_another_definition_is_kept(
    platform: Connection,
) -> None:
    await platform.execute(
        """
        drop index idx_tickets_status, idx_tickets_user_id, idx_ticket_messages_ticket_id;
        create index idx_tickets_status on tickets (status, priority);
        create index idx_tickets_user_id on tickets (user_id) where status = 'open';
        create unique index idx_ticket_messages_ticket_id on ticket_messages (ticket_id, id);
        """
    )

    await Migrator(platform).apply()

    assert {"idx_tickets_status", "idx_tickets_user_id"} <= await names(
        platform, "indexes", "tickets"
    )
    assert "idx_ticket_messages_ticket_id" in await names(platform, "indexes", "ticket_messages")


async def test_missing_foreign_keys_are_added(platform_url: str, platform: Connection) -> None:
    """A foreign key on another column does not count."""
    await platform.execute(
        """
        alter table tickets
            drop constraint tickets_user_id_fkey,
            add column handled_by integer references users (id);
        alter table ticket_messages
            drop constraint ticket_messages_ticket_id_fkey,
            add column merged_from integer references tickets (id);
        """
    )

    await Migrator(platform).apply()

    assert "tickets_user_exists" in await names(platform, "constraints", "tickets")
    assert "ticket_messages_ticket_exists" in await names(
        platform, "constraints", "ticket_messages"
    )
    async with world_on(platform_url) as world:
        with pytest.raises(NotAuthenticated):
            await world.ticket(9999)
    await platform.execute("delete from tickets where id = 100")
    assert not await platform.fetchval("select count(*) from ticket_messages where ticket_id = 100")
