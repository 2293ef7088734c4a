-- Selects a page of what was found as one row: encoded JSON, whether more follow, and the position
-- of the last. Of listed rows, which are numbered n, there is one more than :limit where more
-- follow.
select coalesce(
           convert_to(
               '[' || string_agg(listed.body, ',' order by n) filter (where n <= :limit) || ']',
               'UTF8'
           ),
           '[]'
       ) as rows,
       count(*) > :limit as more,
       max(listed.updated_at) filter (where n = :limit) as last_updated_at,
       max(listed.id) filter (where n = :limit) as last_id
