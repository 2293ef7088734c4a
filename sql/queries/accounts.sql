-- What `tickets user` does, and what becomes of tokens when their time is over.

-- name: find_user
-- The user with this address, however it is capitalised; the oldest, where a platform allows several.
select id from users where lower(email) = lower($1) order by id limit 1;

-- name: add_user
-- A new user; no row back where another process has just added the same address.
insert into users (email) values ($1) on conflict do nothing returning id;

-- name: add_token
-- A new bearer token for a user, by hash.
insert into ticket_tokens (token_sha256, user_id, expires_at) values ($1, $2, $3);

-- name: tokens_of_user
-- A user's tokens, newest first, without anything that could sign in; good is what the identity query takes for good.
select id, created_at, expires_at, expires_at > now() as good
  from ticket_tokens
 where user_id = $1
 order by created_at desc, id desc;

-- name: revoke_token
-- Take a token back, by its id; whose it was, or no row where there is none.
delete from ticket_tokens
 using users
 where ticket_tokens.id = $1
   and users.id = ticket_tokens.user_id
returning coalesce(users.email, 'user ' || users.id);

-- name: revoke_tokens_of_user
-- Take all of a user's tokens back.
delete from ticket_tokens where user_id = $1 returning id;

-- name: forget_tokens
-- Drop what expired before a moment, so that nothing piles up.
delete from ticket_tokens where expires_at < $1 returning id;
