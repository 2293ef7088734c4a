-- Bearer tokens of the host platform, out of its sessions table, which keeps its times in UTC without saying so.

-- name: user_by_token
-- Who is signed in with this token, while it lasts, and for how many seconds yet, an hour at the most; a session whose
-- user is gone is nobody's.
select u.id,
       extract(epoch from least(s.expires_at, (now() + interval '1 hour') at time zone 'utc')
                          - (now() at time zone 'utc'))::float8 as seconds_left
  from sessions s
  join users u on u.id = s.user_id
 where s.token = $1
   and s.expires_at > (now() at time zone 'utc');
