-- Token lookup in the service's own table, by hash.

-- name: user_by_token_sha256
-- Who holds the token with this hash while it is valid, and for how many more seconds, an hour at
-- most.
select user_id,
       extract(epoch from least(expires_at, now() + interval '1 hour') - now())::float8
           as seconds_left
  from ticket_tokens
 where token_sha256 = :token_sha256
   and expires_at > now();
