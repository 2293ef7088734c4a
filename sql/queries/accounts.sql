-- What `tickets user add` does.

-- name: find_user
-- The user with this address, however it is capitalised; the oldest, where a platform allows several.
select id from users where lower(email) = lower($1) order by id limit 1;

-- name: add_user
-- A new user; no row back where another process has just added the same address.
insert into users (email) values ($1) on conflict do nothing returning id;

-- name: add_token
-- A new bearer token for a user, by hash.
insert into ticket_tokens (token_sha256, user_id, expires_at) values ($1, $2, $3);
