-- The tickets of users whose address begins as the query does, the newest tickets first. It reads
-- all users, unless there is an index for it (docs/limits.md).
select t.id as ticket_id, 2 as kind, 'email' as field, 0 as text_id
  from users u
  join tickets t on t.user_id = u.id
 where :address::text is not null
   and lower(u.email::text collate ucs_basic) >= :address
   and lower(u.email::text collate ucs_basic) < :address_end
 order by t.id desc
 limit :most + 1
