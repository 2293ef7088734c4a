-- Token lookup in the host platform's table of sessions, which keeps its times in UTC without a
-- zone.

-- name: user_by_token
-- Who holds this token while it is valid, and for how many more seconds, an hour at most. A session
-- whose user was deleted belongs to nobody.
select u.id,
       extract(epoch from least(s.expires_at, (now() + interval '1 hour') at time zone 'utc')
                          - (now() at time zone 'utc'))::float8 as seconds_left
  from sessions s
  join users u on u.id = s.user_id
 where s.token = :token
   and s.expires_at > (now() at time zone 'utc');
