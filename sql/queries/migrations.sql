-- The record of what has been applied. Made by the runner itself, under its lock, before the first migration.

-- name: lock_migrations
-- One process at a time, until the end of the transaction; the number is the name `tickets` in ASCII.
select pg_advisory_xact_lock(32766973022925939);

-- name: create_migrations
-- The record itself.
create table if not exists ticket_migrations (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);

-- name: migrations_exist
-- Whether the record is there at all.
select to_regclass('ticket_migrations') is not null;

-- name: applied_migrations
-- What has been applied, in order.
select number, name, checksum from ticket_migrations order by number;

-- name: record_migration
-- Note that a migration has been applied.
insert into ticket_migrations (number, name, checksum) values ($1, $2, $3);
