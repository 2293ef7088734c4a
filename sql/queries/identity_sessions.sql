-- Token lookup in the host platform's table of sessions, which keeps its times in UTC without a
-- zone.

-- name: user_by_token
-- The user of a valid session, and the seconds until it expires, 3600 at most. No row if the user
-- was deleted.
select u.id,
       extract(epoch from least(s.expires_at, (now() + interval '1 hour') at time zone 'utc')
                          - (now() at time zone 'utc'))::float8 as seconds_left
  from sessions s
  join users u on u.id = s.user_id
 where s.token = :token
   and s.expires_at > (now() at time zone 'utc');
