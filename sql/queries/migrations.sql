-- The record of what has been applied. Made by the runner itself, under its lock, before the first migration.

-- name: no_timeouts
-- A role's timeouts are meant for requests; waiting for another process, or a take-over, lasts as long as it lasts.
select set_config(name, '0', true)
  from pg_settings
 where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout');

-- name: lock_migrations
-- One process at a time, until the end of the transaction; the number is the name `tickets` in ASCII.
select pg_advisory_xact_lock(32766973022925939);

-- name: short_lock_waits
-- Whoever comes after a waiting `alter table` queues behind it. So each lock is waited for less than the second after
-- which PostgreSQL looks for deadlocks and ends somebody's transaction, which might be the platform's; or an autovacuum.
set local lock_timeout = '500ms';

-- name: create_migrations
-- The record itself.
create table ticket_migrations (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);

-- name: migrations_exist
-- Whether the record is there at all.
select to_regclass('ticket_migrations') is not null;

-- name: platform_has_tickets
-- Whether there are tickets of a platform that this service has not taken over yet.
select to_regclass('tickets') is not null and to_regclass('ticket_migrations') is null;

-- name: applied_migrations
-- What has been applied, in order.
select number, name, checksum from ticket_migrations order by number;

-- name: record_migration
-- Note that a migration has been applied.
insert into ticket_migrations (number, name, checksum) values ($1, $2, $3);
