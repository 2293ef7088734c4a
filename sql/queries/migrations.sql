-- The record of migrations. The runner creates it under its lock, before the first migration.

-- name: disable_timeouts
-- Turn off the role's time-outs in this transaction. They are meant for requests: a take-over, or
-- another process's migration, takes as long as it takes.
select set_config(name, '0', true)
  from pg_settings
 where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout',
                'idle_in_transaction_session_timeout');

-- name: session_timeouts
-- The settings that are changed for statements outside a transaction.
select name, setting as value
  from pg_settings
 where name in ('statement_timeout', 'lock_timeout', 'client_connection_check_interval');

-- name: disable_session_timeouts
-- Turn off the time-outs outside a transaction: a concurrent index build waits for every
-- transaction that could see the table without it, and blocks nobody.
select set_config(name, '0', false)
  from pg_settings
 where name in ('statement_timeout', 'lock_timeout');

-- name: restore_setting
-- Set a setting of the session back to what it was.
select set_config(:name::text, :value::text, false);

-- name: check_client
-- Let the server look every second whether its client is still there, in this transaction. Else the
-- statement of a killed process would go on to its end.
select set_config('client_connection_check_interval', '1s', true);

-- name: check_client_in_session
-- The same outside a transaction.
select set_config('client_connection_check_interval', '1s', false);

-- name: backend_pid
-- The server process of this session.
select pg_backend_pid();

-- name: try_lock
-- The lock of the migration runner, until the end of the transaction. It is polled and never waited
-- for. The number is the name `migrate` in ASCII.
select pg_try_advisory_xact_lock(30796665482998885);

-- name: check_migration_lock
-- Sent by the connection that holds the lock, to see that it still does.
select 1;

-- name: lock_migrations
-- The lock of releases before 0009, until the end of the transaction: one of them may start while
-- this one migrates. The number is the name `tickets` in ASCII.
select pg_advisory_xact_lock(32766973022925939);

-- name: tables_in_maintenance
-- Statements that wait until a vacuum, by hand or automatic, or an index build has left a table
-- whose name is among these words. The mode conflicts with no read and no write.
select format('lock table %I.%I in share update exclusive mode', nspname, relname) as lock_table
  from pg_class
  join pg_namespace on pg_namespace.oid = relnamespace
 where relkind in ('r', 'p')
   and relname = any(:words::text[])
   and pg_table_is_visible(pg_class.oid)
   and exists (select
                 from pg_locks
                where locktype = 'relation'
                  and database = (select oid from pg_database where datname = current_database())
                  and relation = pg_class.oid
                  and mode = 'ShareUpdateExclusiveLock'
                  and granted
                  and pid <> pg_backend_pid())
 order by nspname, relname;

-- name: outwait_autovacuum
-- Wait longer than `deadlock_timeout`, after which PostgreSQL cancels an autovacuum that is in the
-- way.
select set_config('lock_timeout', (setting::integer + 1000)::text, true)
  from pg_settings
 where name = 'deadlock_timeout';

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

-- name: may_migrate
-- Whether this session can write, and may create the first table where there is none of ours.
select pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only')::boolean as read_only,
       current_user as role,
       to_regclass('ticket_migrations') is not null
           or coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create;

-- name: schema_exists
-- Whether there is a schema of this name.
select to_regnamespace(quote_ident(:name)) is not null;

-- name: platform_has_tickets
-- Whether there are tickets of a platform that have not been taken over.
select to_regclass('tickets') is not null and to_regclass('ticket_migrations') is null;

-- name: applied_migrations
-- The migrations that have been applied, in order.
select number, name, checksum from ticket_migrations order by number;

-- name: record_migration
-- Record that a migration has been applied.
insert into ticket_migrations (number, name, checksum) values (:number, :name, :checksum);

-- name: create_migration_steps
-- Create the record of the steps of a migration that is half done.
create table ticket_migration_steps (
    migration integer not null,
    step text not null,
    checksum text not null,
    position bigint,
    finished_at timestamptz,
    primary key (migration, step)
);

-- name: migration_steps_exist
-- Whether the record of steps exists.
select to_regclass('ticket_migration_steps') is not null;

-- name: recorded_steps
-- The steps of a migration that have begun.
select step, checksum, finished_at is not null as finished
  from ticket_migration_steps
 where migration = :migration
 order by step;

-- name: start_step
-- Record that a step begins, unless it has begun before.
insert into ticket_migration_steps (migration, step, checksum)
values (:migration, :step, :checksum)
    on conflict (migration, step) do nothing;

-- name: lock_step
-- How far a step is. Its row is locked until the end of the transaction: two processes never run
-- one step at once, even if one has lost the migration lock.
select position, finished_at is not null as finished
  from ticket_migration_steps
 where migration = :migration and step = :step
   for update;

-- name: step_is_known
-- Whether a step has begun.
select exists (select from ticket_migration_steps where migration = :migration and step = :step);

-- name: advance_step
-- Record how far a step in batches is.
update ticket_migration_steps
   set position = :position
 where migration = :migration and step = :step;

-- name: finish_step
-- Record that a step is finished.
update ticket_migration_steps
   set finished_at = now()
 where migration = :migration and step = :step;

-- name: forget_steps
-- Delete the steps of a migration that is recorded as applied.
delete from ticket_migration_steps where migration = :migration;

-- name: index_state
-- Whether an index is absent, being built, invalid after an interrupted build, or valid.
select case
           when not exists (select from pg_index where indexrelid = to_regclass(:name::text))
           then 'absent'
           when exists (select
                          from pg_stat_progress_create_index
                         -- indexes of a cloned database have the same ids
                         where datname = current_database()
                           and index_relid = to_regclass(:name::text))
           then 'building'
           when (select indisvalid from pg_index where indexrelid = to_regclass(:name::text))
           then 'valid'
           else 'invalid'
       end;

-- name: drop_index
-- The statement that drops an invalid index without blocking anybody.
select format('drop index concurrently if exists %I', :name::text);
