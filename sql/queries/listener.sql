-- The LISTEN/NOTIFY listener. The migration 0007 describes the notifications of changes.

-- name: heartbeat
-- Send a notification to this process. PostgreSQL delivers notifications in commit order: once this
-- one is back, every change that committed before it has been received.
-- It writes no row, so its commit waits neither for the disk nor for a replica.
select pg_notify(:channel, :number);

-- name: notification_queue_usage
-- Remove from the NOTIFY queue what every session has received, and return how full it is.
select pg_notification_queue_usage();
