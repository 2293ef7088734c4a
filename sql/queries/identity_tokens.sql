-- Bearer tokens of the service's own, by hash.

-- name: user_by_token_sha256
-- Who holds the token with this hash, while it lasts.
select user_id from ticket_tokens where token_sha256 = $1 and expires_at > now();
