-- The LISTEN/NOTIFY listener. The migration 0007 describes the notifications of changes.

-- name: heartbeat
-- Send a notification to this process. PostgreSQL delivers notifications in commit order: once this
-- one is back, every change that committed before it has been received.
select pg_notify(:channel, :number);
