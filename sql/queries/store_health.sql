-- Checks readiness, and reads the figures that only the database has.

-- name: count_known_migrations
-- How many migrations up to a number the database has; those of a newer version are not counted.
select count(*) from ticket_migrations where number <= :highest;

-- name: unread_totals
-- The number of unread tickets by side: the users' from an index alone, the admins' from the ticket
-- counts.
select (select count(*) from tickets where user_unread) as by_users,
       (select coalesce(sum(admin_unread), 0)::bigint from ticket_counts) as by_admins;
