-- Selects a page of a list as one row: its rows as encoded JSON, whether more follow, and the
-- position of its last row, without what comes before `updated_at` in a position. Of listed rows,
-- which are numbered n, there is one more than :limit where more follow.
coalesce(
    convert_to(
        '[' || string_agg(listed.body, ',' order by n) filter (where n <= :limit) || ']', 'UTF8'
    ),
    '[]'
) as rows,
count(*) > :limit as more,
max(listed.updated_at) filter (where n = :limit) as last_updated_at,
max(listed.id) filter (where n = :limit) as last_id
