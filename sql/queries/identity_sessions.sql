-- Bearer tokens of the host platform, out of its sessions table, which keeps its times in UTC without saying so.

-- name: user_by_token
-- Who is signed in with this token, while it lasts; a session whose user is gone is nobody's.
select u.id
  from sessions s
  join users u on u.id = s.user_id
 where s.token = $1
   and s.expires_at > (now() at time zone 'utc');
