-- The read side: straight to what is shown. Lists go by position, not by page number, so that they neither repeat nor
-- skip a ticket while others write. A first page starts behind a position that is higher than any.

-- name: user_list
-- A user's tickets in any of the given statuses, newest first: the newest of each status off the index, then the newest of those.
select t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.user_unread, t.message_count,
       t.last_message, t.created_at, t.updated_at
  from unnest($2::text[]) as wanted (status)
 cross join lateral (
           select id, category, other_category, subject, status, priority, user_unread, message_count,
                  last_message, created_at, updated_at
             from tickets
            where user_id = $1
              and status = wanted.status
              and (updated_at, id) < ($3, $4)
            order by updated_at desc, id desc
            limit $5
       ) as t
 order by t.updated_at desc, t.id desc
 limit $5;

-- name: user_unread
-- A user's badge.
select count(*) from tickets where user_id = $1 and user_unread;

-- name: admin_list
-- Everybody's tickets, unread first, then newest. Addresses are looked up for the rows that are returned: a join may be
-- planned as a pass through all users.
select id, category, other_category, subject, status, priority, admin_unread, message_count, last_message, created_at,
       updated_at, (select email from users where users.id = tickets.user_id) as user_email
  from tickets
 where (admin_unread, updated_at, id) < ($1, $2, $3)
 order by admin_unread desc, updated_at desc, id desc
 limit $4;

-- name: admin_list_filtered
-- The same for the given statuses and categories: the first of each pair off the index, then the first of those.
select t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.admin_unread, t.message_count,
       t.last_message, t.created_at, t.updated_at, (select email from users where users.id = t.user_id) as user_email
  from unnest($1::text[]) as s (status)
 cross join unnest($2::text[]) as c (category)
 cross join lateral (
           select id, user_id, category, other_category, subject, status, priority, admin_unread, message_count,
                  last_message, created_at, updated_at
             from tickets
            where status = s.status
              and category = c.category
              and (admin_unread, updated_at, id) < ($3, $4, $5)
            order by admin_unread desc, updated_at desc, id desc
            limit $6
       ) as t
 order by t.admin_unread desc, t.updated_at desc, t.id desc
 limit $6;

-- name: admin_unread
-- The admins' badge, as it is counted along with the tickets.
select coalesce(sum(admin_unread), 0)::bigint from ticket_counts;

-- name: admin_stats
-- The admins' figures, by status and category, as they are counted along with the tickets.
select status, category, sum(total)::bigint as total, sum(admin_unread)::bigint as unread
  from ticket_counts
 group by status, category;
