-- The read side: lists and counts. Lists use keyset pagination, so that they neither repeat nor
-- skip a ticket while others write. A first page starts after a position that is higher than any.
-- PostgreSQL encodes the rows as JSON, which reaches the client as it is.

-- name: user_list
-- A user's tickets in any of the given statuses, newest first: the newest of each status from the
-- index, then the newest of those.
select
    -- include: rows_of_page
  from (
           select row_to_json(fields)::text as body, t.updated_at, t.id,
                  row_number() over (order by t.updated_at desc, t.id desc) as n
             from (
                      select
                          -- include: user_row_columns
                        from unnest(:statuses::text[]) as wanted (status)
                       cross join lateral (
                                 select
                                     -- include: user_row_columns
                                   from tickets t
                                  where t.user_id = :user_id
                                    and t.status = wanted.status
                                    and (t.updated_at, t.id) < (:after_updated_at, :after_id)
                                  order by t.updated_at desc, t.id desc
                                  limit :limit + 1
                             ) as t
                       order by t.updated_at desc, t.id desc
                       limit :limit + 1
                  ) as t
            cross join lateral (
                      select
                          -- include: user_row_fields
                  ) as fields
       ) as listed;

-- name: user_unread
-- A user's unread count.
select count(*) from tickets where user_id = :user_id and user_unread;

-- name: admin_list
-- All users' tickets, unread first, then newest. Addresses are looked up for the rows that are
-- returned, since a join may be planned as a scan of all users.
select
    -- include: rows_of_page
    , bool_or(listed.admin_unread) filter (where n = :limit) as last_unread
  from (
           select row_to_json(fields)::text as body, t.admin_unread, t.updated_at, t.id,
                  row_number() over (
                      order by t.admin_unread desc, t.updated_at desc, t.id desc) as n
             from (
                      select
                          -- include: admin_row_columns
                          , (select email from users where users.id = t.user_id) as user_email
                        from tickets t
                       where (t.admin_unread, t.updated_at, t.id)
                             < (:after_unread, :after_updated_at, :after_id)
                       order by t.admin_unread desc, t.updated_at desc, t.id desc
                       limit :limit + 1
                  ) as t
             -- include: join_assignee
            cross join lateral (
                      select
                          -- include: admin_row_fields
                  ) as fields
       ) as listed;

-- name: admin_list_filtered
-- The same for the given statuses and categories: the first of each pair from the index, then the
-- first of those.
select
    -- include: rows_of_page
    , bool_or(listed.admin_unread) filter (where n = :limit) as last_unread
  from (
           select row_to_json(fields)::text as body, t.admin_unread, t.updated_at, t.id,
                  row_number() over (
                      order by t.admin_unread desc, t.updated_at desc, t.id desc) as n
             from (
                      select
                          -- include: admin_row_columns
                          , (select email from users where users.id = t.user_id) as user_email
                        from unnest(:statuses::text[]) as s (status)
                       cross join unnest(:categories::text[]) as c (category)
                       cross join lateral (
                                 select
                                     -- include: admin_row_columns
                                   from tickets t
                                  where t.status = s.status
                                    and t.category = c.category
                                    and (t.admin_unread, t.updated_at, t.id)
                                        < (:after_unread, :after_updated_at, :after_id)
                                  order by t.admin_unread desc, t.updated_at desc, t.id desc
                                  limit :limit + 1
                             ) as t
                       order by t.admin_unread desc, t.updated_at desc, t.id desc
                       limit :limit + 1
                  ) as t
             -- include: join_assignee
            cross join lateral (
                      select
                          -- include: admin_row_fields
                  ) as fields
       ) as listed;

-- name: customer
-- A user with the number of tickets by status. A platform's table of users may have no `created_at`:
-- the name means the column of `users` where there is one, and else that of `absent`.
select u.id, u.email,
       (
           select (select created_at::text from users where users.id = u.id)
             from (select null::text as created_at) as absent
       ) as created_at,
       (
           select json_object_agg(c.status, c.total)::text
             from (
                      select t.status, count(*) as total
                        from tickets t
                       where t.user_id = u.id
                       group by t.status
                  ) as c
       ) as counts
  from users u
 where u.id = :user_id;

-- name: admin_unread
-- The admins' unread count, which triggers maintain.
select coalesce(sum(admin_unread), 0)::bigint from ticket_counts;

-- name: admin_stats
-- The admins' statistics by status and category, which triggers maintain.
select status, category, sum(total)::bigint as total, sum(admin_unread)::bigint as unread
  from ticket_counts
 group by status, category;
