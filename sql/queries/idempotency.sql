-- Stored responses by idempotency key. The statements of changes, in tickets.sql, write the same
-- rows.

-- name: find_response
-- The stored response of a caller's key, and whether it has expired.
select fingerprint, answer, recorded_at < :since as is_expired
  from ticket_idempotency_keys
 where caller = :caller
   and key = :key;

-- name: delete_expired_response
-- Delete the expired response of one key. Another process may have done so, and used the key again.
delete from ticket_idempotency_keys where caller = :caller and key = :key and recorded_at < :since;

-- name: store_response
-- Store the response of a request that changed nothing.
insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
values (:caller, :key, :fingerprint, :response, :recorded_at);

-- name: delete_responses_before
-- Delete the oldest responses from before a moment, in batches. Rows that another process is
-- deleting are skipped.
with deleted as (
    delete from ticket_idempotency_keys
     -- by ctid, which is stable, as these rows are never updated; a join might be planned over all
     -- of them
     where ctid = any (array(
               select ctid
                 from ticket_idempotency_keys
                where recorded_at < :moment
                order by recorded_at
                limit :limit
                  for update skip locked
           ))
    returning 1
)
select count(*) from deleted;
