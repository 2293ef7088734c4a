-- The record of migrations. The runner creates it under its lock, before the first migration.

-- name: disable_timeouts
-- Turn off the role's time-outs, which are meant for requests: a take-over, or another process's
-- migration, takes as long as it takes.
select set_config(name, '0', true)
  from pg_settings
 where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout',
                'idle_in_transaction_session_timeout');

-- name: lock_migrations
-- One process at a time, until the end of the transaction; the number is the name `tickets` in
-- ASCII.
select pg_advisory_xact_lock(32766973022925939);

-- name: limit_lock_waits
-- Other queries queue behind a waiting `alter table`. So wait half a second at most: less than
-- `deadlock_timeout` (1 s), after which PostgreSQL may abort another session.
set local lock_timeout = '500ms';

-- name: create_migrations
-- Create the record.
create table ticket_migrations (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);

-- name: migrations_exist
-- Whether the record exists.
select to_regclass('ticket_migrations') is not null;

-- name: platform_has_tickets
-- Whether there are tickets of a platform that have not been taken over.
select to_regclass('tickets') is not null and to_regclass('ticket_migrations') is null;

-- name: applied_migrations
-- The migrations that have been applied, in order.
select number, name, checksum from ticket_migrations order by number;

-- name: record_migration
-- Record that a migration has been applied.
insert into ticket_migrations (number, name, checksum) values (:number, :name, :checksum);
