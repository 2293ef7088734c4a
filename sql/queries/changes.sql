-- What a process asks that listens for changes; the migration 0007 says what it hears.

-- name: beat
-- Send oneself something: once it is back, whatever was committed before has been heard, as notifications keep their order.
select pg_notify($1, $2);
