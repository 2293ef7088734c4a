-- What requests with an Idempotency-Key were answered. `add_ticket` and `save_ticket` write the same row with the change itself.

-- name: recall_answer
-- The answer that this caller's key stands for, and whether it is from before $3.
select fingerprint, answer, recorded_at < $3 as is_old
  from ticket_idempotency_keys
 where caller = $1
   and key = $2;

-- name: free_key
-- Forget an answer from before $3, so that its key can be used again; another process may have done so, and used it.
delete from ticket_idempotency_keys where caller = $1 and key = $2 and recorded_at < $3;

-- name: keep_answer
-- The answer to a request that changed nothing.
insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at) values ($1, $2, $3, $4, $5);

-- name: forget_keys
-- Remove the oldest keys from before $1, some at a time; what another process is just removing is left to it.
with removed as (
    delete from ticket_idempotency_keys
     -- by their places, which stay the same, as these rows are never updated; a join might be planned over all of them
     where ctid = any (array(
               select ctid
                 from ticket_idempotency_keys
                where recorded_at < $1
                order by recorded_at
                limit $2
                  for update skip locked
           ))
    returning 1
)
select count(*) from removed;
