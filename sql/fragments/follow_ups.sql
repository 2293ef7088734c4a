-- Ids of the tickets that follow ticket t, comma-separated; null where there are none. The newest,
-- oldest of those first. Not an array: for those the driver would look their types up in the
-- catalogue, three round trips per new connection.
(
    select string_agg(f.id::text, ',' order by f.id)
      from (
               select f.id
                 from tickets f
                where f.follows = t.id
                  and f.user_id = t.user_id
                order by f.id desc
                limit :max_follow_ups
           ) as f
) as followed_by
