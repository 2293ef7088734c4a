-- Bearer tokens of the service's own, by hash.

-- name: user_by_token_sha256
-- Who holds the token with this hash, while it lasts, and for how many seconds yet, an hour at the most.
select user_id, extract(epoch from least(expires_at, now() + interval '1 hour') - now())::float8 as seconds_left
  from ticket_tokens
 where token_sha256 = $1
   and expires_at > now();
