-- Users and bearer tokens, for `tickets user` and for the job that deletes expired tokens.

-- name: find_user
-- The user with this address, in any capitalisation; the oldest, where a platform allows several.
-- Nobody who signs in at a host: an address there proves nothing.
select id
  from users
 where lower(email) = lower(:email)
   and not exists (select from ticket_people p where p.user_id = users.id)
 order by id
 limit 1;

-- name: add_user
-- Add a user; no row where another process has just added the same address.
insert into users (email) values (:email) on conflict do nothing returning id;

-- name: add_token
-- Add a bearer token of a user, by its hash. Of more than so many tokens the oldest are deleted,
-- expired ones first. Two processes at the same moment may leave one too many, until the next one.
with evicted as (
    delete from ticket_tokens
     where id in (
               select id
                 from ticket_tokens
                where user_id = :user_id
                order by expires_at > now() desc, created_at desc, id desc
               offset :max_tokens - 1
           )
)
insert into ticket_tokens (token_sha256, user_id, expires_at)
values (:token_sha256, :user_id, :expires_at);

-- name: list_tokens
-- A user's tokens, newest first, without anything that could sign in. `good` is the identity
-- query's rule.
select id, created_at, expires_at, expires_at > now() as good
  from ticket_tokens
 where user_id = :user_id
 order by created_at desc, id desc;

-- name: revoke_token
-- Delete a token by its id and return whose it was; no row where there is none.
delete from ticket_tokens
 using users
 where ticket_tokens.id = :token_id
   and users.id = ticket_tokens.user_id
returning coalesce(users.email, 'user ' || users.id);

-- name: revoke_all_tokens
-- Delete all tokens of a user.
delete from ticket_tokens where user_id = :user_id returning id;

-- name: delete_expired_tokens
-- Delete tokens that expired before a moment, in a range of the table's blocks. Rows that another
-- process is deleting are skipped.
with deleted as (
    delete from ticket_tokens
     where ctid = any (array(
               select ctid
                 from ticket_tokens
                where ctid >= :from_row::tid
                  and ctid < :to_row::tid
                  and expires_at < :moment
                  for update skip locked
           ))
    returning 1
)
select (select count(*) from deleted) as deleted,
       pg_relation_size('ticket_tokens') / current_setting('block_size')::bigint as blocks;
