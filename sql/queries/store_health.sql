-- Checks readiness, and reads the figures that only the database has.

-- name: count_known_migrations
-- How many migrations up to a number the database has; those of a newer version are not counted.
select count(*) from ticket_migrations where number <= :highest;

-- name: readiness
-- Whether the service can do its job here, from the catalogue and one small table: several probes
-- ask every few seconds.
select (select count(*) from ticket_migrations where number <= :highest) as applied,
       pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only')::boolean as read_only,
       current_user as role,
       coalesce((
           -- include: missing_privileges
       ), '{}') as missing;

-- name: unread_totals
-- The number of unread tickets by side: the users' from an index alone, the admins' from the ticket
-- counts.
select (select count(*) from tickets where user_unread) as by_users,
       (select coalesce(sum(admin_unread), 0)::bigint from ticket_counts) as by_admins;

-- name: last_verification
-- When all tickets were last verified, in seconds since 1970, and how many findings remain.
select extract(epoch from finished_at)::float8 as finished_at, remaining from ticket_verification;
