-- The queues: lists of the open work, with the orders and filters of the admins' list. The ids of
-- a page are chosen first, from indexes alone where the visibility map allows it; then its rows are
-- looked up. A moment is passed as text, since it may be infinite.

-- name: queue_waiting
-- Tickets whose customer waits, longest first.
with chosen as (
    select t.id, 0 as rank, t.waiting_since as at,
           row_number() over (order by t.waiting_since, t.id) as n
      from tickets t
     where t.waiting_since is not null
       and (t.waiting_since, t.id) > (:after_at::text::timestamptz, :after_id)
    -- include: queue_filters
    -- include: queue_assignee_filter
     order by t.waiting_since, t.id
     limit :limit + 1
)
-- include: queue_rows
;

-- name: queue_of_assignee
-- The open work of an admin, or of nobody (0): those without an assignee, and those of each disabled
-- admin. Tickets whose customer waits come first, longest first.
with assignees as (
    select 0 as id
     where :assignee::integer = 0
    union all
    select id
      from ticket_admins
     where case when :assignee = 0 then disabled_at is not null
                else id = :assignee and disabled_at is null end
), candidates as (
    select t.id, t.at, t.place
      from assignees a
     cross join lateral (
               select t.id, t.waiting_since as at,
                      coalesce(t.waiting_since, 'infinity'::timestamptz) as place
                 from tickets t
                where coalesce(t.assignee_id, 0) = a.id
                  and t.status <> 'closed'
                  and (coalesce(t.waiting_since, 'infinity'::timestamptz), t.id)
                      > (:after_at::text::timestamptz, :after_id)
               -- include: queue_filters
                order by coalesce(t.waiting_since, 'infinity'::timestamptz), t.id
                limit :limit + 1
           ) as t
), chosen as (
    select id, 0 as rank, at, row_number() over (order by place, id) as n
      from candidates
     order by place, id
     limit :limit + 1
)
-- include: queue_rows
;

-- name: queue_open
-- What is neither resolved nor closed, newest activity first.
with chosen as (
    select t.id, 0 as rank, t.updated_at as at,
           row_number() over (order by t.updated_at desc, t.id desc) as n
      from tickets t
     where t.status in ('open', 'in_progress')
       and (t.updated_at, t.id) < (:after_at::text::timestamptz, :after_id)
    -- include: queue_filters
    -- include: queue_assignee_filter
     order by t.updated_at desc, t.id desc
     limit :limit + 1
)
-- include: queue_rows
;

-- name: open_work_sorted
-- The open work in any order.
with ranked as (
    -- include: queue_sorted
     where t.status <> 'closed'
    -- include: queue_filters
    -- include: queue_assignee_filter
), chosen as (
    select id, rank, at, row_number() over (order by rank, place, tie) as n
      from ranked
     where (rank, place, tie) > (:after_rank, :after_place::text::numeric, :after_tie)
     order by rank, place, tie
     limit :limit + 1
)
-- include: queue_rows
;

-- name: customer_sorted
-- One customer's tickets in any order.
with ranked as (
    -- include: queue_sorted
     where t.user_id = :user_id
    -- include: queue_filters
    -- include: queue_assignee_filter
), chosen as (
    select id, rank, at, row_number() over (order by rank, place, tie) as n
      from ranked
     where (rank, place, tie) > (:after_rank, :after_place::text::numeric, :after_tie)
     order by rank, place, tie
     limit :limit + 1
)
-- include: queue_rows
;

-- name: unread_sorted
-- Unread tickets in any order.
with ranked as (
    -- include: queue_sorted
     where t.admin_unread
    -- include: queue_filters
    -- include: queue_assignee_filter
), chosen as (
    select id, rank, at, row_number() over (order by rank, place, tie) as n
      from ranked
     where (rank, place, tie) > (:after_rank, :after_place::text::numeric, :after_tie)
     order by rank, place, tie
     limit :limit + 1
)
-- include: queue_rows
;

-- name: queue_counts
-- How many tickets each queue has, in one snapshot. What is nobody's is all open work but that of
-- admins who are not disabled.
select waiting.waiting, waiting.waiting_longest_since,
       (
           select count(*)
             from tickets t
            where coalesce(t.assignee_id, 0) = :admin_id::integer
              and t.status <> 'closed'
       ) as mine,
       statuses.open + statuses.resolved
       - (
           select count(*)
             from ticket_admins a
             join tickets t on coalesce(t.assignee_id, 0) = a.id and t.status <> 'closed'
            where a.disabled_at is null
       ) as unassigned,
       statuses.open, statuses.resolved, statuses.closed, statuses.unread
  from (
           select count(*) as waiting, min(waiting_since) as waiting_longest_since
             from tickets
            where waiting_since is not null
       ) as waiting
 cross join (
           select coalesce(sum(total) filter (where status in ('open', 'in_progress')), 0)::bigint
                      as open,
                  coalesce(sum(total) filter (where status = 'resolved'), 0)::bigint as resolved,
                  coalesce(sum(total) filter (where status = 'closed'), 0)::bigint as closed,
                  coalesce(sum(admin_unread), 0)::bigint as unread
             from ticket_counts
       ) as statuses;
