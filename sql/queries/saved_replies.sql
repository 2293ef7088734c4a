-- Saved replies. Each write stores the response of its idempotency key as well.

-- name: all_saved_replies
-- All of them by title.
select id, title, text, updated_at from ticket_saved_replies order by lower(title), id;

-- name: add_saved_reply
-- Store a new one; no row where there are :max_saved_replies already.
with saved as (
    insert into ticket_saved_replies (title, text, updated_at)
    select :title, :text, :updated_at
     where (select count(*) from ticket_saved_replies) < :max_saved_replies
    returning id
), stored_response as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select :caller, :key, :fingerprint, :response::jsonb || jsonb_build_object('id', saved.id),
           :recorded_at
      from saved
     where :key::text is not null
)
select id from saved;

-- name: change_saved_reply
-- Replace title and text; no row where there is no such saved reply.
with saved as (
    update ticket_saved_replies
       set title = :title, text = :text, updated_at = :updated_at
     where id = :saved_reply_id
    returning id
), stored_response as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select :caller, :key, :fingerprint, :response::jsonb, :recorded_at
      from saved
     where :key::text is not null
)
select id from saved;

-- name: delete_saved_reply
-- Delete one; no row where there is no such saved reply.
with deleted as (
    delete from ticket_saved_replies where id = :saved_reply_id returning id
), stored_response as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select :caller, :key, :fingerprint, :response::jsonb, :recorded_at
      from deleted
     where :key::text is not null
)
select id from deleted;
