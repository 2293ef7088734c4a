-- Ids of the tickets that follow ticket t, newest first and at most :max_follow_ups, as the text of
-- an array. Not an array itself: for those the driver would look their types up in the catalogue,
-- three round trips per new connection.
array(
    select f.id
      from tickets f
     where f.follows = t.id
       and f.user_id = t.user_id
     order by f.id desc
     limit :max_follow_ups
)::text as followed_by
