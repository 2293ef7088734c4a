-- Whether the service can do its work, and what only the database knows of how it is doing.

-- name: migrations_known
-- How many of the migrations up to a number this database has; whatever a newer version has added is left out.
select count(*) from ticket_migrations where number <= $1;

-- name: unread_totals
-- What waits to be read, by side: the users' off an index, without the table, the admins' as it is counted along.
select (select count(*) from tickets where user_unread) as by_users,
       (select coalesce(sum(admin_unread), 0)::bigint from ticket_counts) as by_admins;
