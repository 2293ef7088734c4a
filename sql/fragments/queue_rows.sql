-- Selects a page of a queue as one row: its rows as encoded JSON, whether more follow, and the
-- position of its last row. `chosen` has the ids of one ticket more than :limit where more follow,
-- numbered n. Each ticket is looked up by its id: a join may be planned as a scan of all tickets.
select coalesce(
           convert_to(
               '[' || string_agg(row_to_json(fields)::text, ',' order by t.n)
                          filter (where t.n <= :limit)
               || ']',
               'UTF8'
           ),
           '[]'
       ) as rows,
       count(*) > :limit as more,
       max(t.rank) filter (where t.n = :limit) as last_rank,
       max(t.at) filter (where t.n = :limit) as last_at,
       max(t.id) filter (where t.n = :limit) as last_id
  from (
           select chosen.n, chosen.rank, chosen.at,
                  -- include: admin_row_columns
                  , t.user_email
             from chosen
            cross join lateral (
                      select
                          -- include: admin_row_columns
                          , (select email from users where users.id = t.user_id) as user_email
                        from tickets t
                       where t.id = chosen.id
                       limit 1
                  ) as t
       ) as t
  -- include: join_assignee
 cross join lateral (
           select
               -- include: admin_row_fields
       ) as fields
