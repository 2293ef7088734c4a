-- Whether the service can do its work.

-- name: ready
-- The database answers, and has been migrated by some version of this service.
select count(*) from ticket_migrations;
