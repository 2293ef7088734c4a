-- The reports of admins. What each figure means stands in `domain/reports.py`.

-- name: report
-- The figures from :first_day to :last_day as one row, as of one moment: each group of them is
-- JSON. Resolutions and closings that an admin took back are few and found first: from each change
-- back to the customer's message before it. Each day's changes and waits are a range of an index:
-- to compute the day of a million times would take most of the time. Who was waiting at the end of
-- a day is the present number without what changed later. :starts and :ends bound all days.
with day as (
    select :first_day::date + n as day,
           n,
           :starts::timestamptz + n * interval '24 hours' as starts,
           :starts::timestamptz + (n + 1) * interval '24 hours' as ends
      from generate_series(0, :last_day::date - :first_day::date) as n
), undone as materialized (
    select distinct change.id
      from ticket_events back
     cross join lateral (
               select e.id
                 from ticket_events e
                where e.ticket_id = back.ticket_id
                  and e.id < back.id
                  and e.id > coalesce((
                          select m.id
                            from ticket_events m
                           where m.ticket_id = back.ticket_id
                             and m.id < back.id
                             and m.kind = 'message'
                             and m.by = 'user'
                           order by m.id desc
                           limit 1
                      ), 0)
                  and e.kind in ('status', 'closed_naturally')
                  and e.after in ('resolved', 'closed')
           ) as change
     where back.kind = 'status'
       and back.by <> 'user'
       and back.before in ('resolved', 'closed')
       and back.after in ('open', 'in_progress')
       and back.at >= :starts::timestamptz
), opened as materialized (
    select floor((date_part('epoch', t.created_at) - date_part('epoch', :starts::timestamptz))
                 / 86400)::integer as n,
           t.category,
           count(*) as tickets
      from tickets t
     where t.created_at >= :starts::timestamptz
       and t.created_at < :ends::timestamptz
     group by 1, 2
), replied as materialized (
    select greatest(0, floor(date_part('epoch', t.first_replied_at - t.created_at)))::integer
               as seconds,
           t.category
      from tickets t
     where t.first_replied_at >= :starts::timestamptz
       and t.first_replied_at < :ends::timestamptz
), change as (
    select day.day,
           day.n,
           day.starts,
           day.ends,
           done.resolved,
           done.closed,
           (
               select count(*) filter (where e.after = 'began')
                      - count(*) filter (where e.after = 'ended')
                 from ticket_events e
                where e.kind = 'waiting'
                  and e.at >= day.starts
                  and e.at < day.ends
           ) as waiting
      from day
     cross join lateral (
               select count(*) filter (where ticket.resolves) as resolved,
                      count(*) filter (where ticket.closes) as closed
                 from (
                          select bool_or(e.after = 'resolved' or e.before <> 'resolved')
                                     as resolves,
                                 bool_or(e.after = 'closed') as closes
                            from ticket_events e
                           where e.kind in ('status', 'closed_naturally')
                             and e.at >= day.starts
                             and e.at < day.ends
                             and e.after in ('resolved', 'closed')
                             and e.id not in (select undone.id from undone)
                           group by e.ticket_id
                      ) as ticket
           ) as done
), figures as (
    select day,
           ends,
           coalesce((select sum(opened.tickets) from opened where opened.n = change.n), 0)
               as opened,
           resolved,
           closed,
           case
               when starts > :at::timestamptz then 0
               else (select count(*) from tickets where waiting_since is not null)
                    - (
                          select count(*) filter (where e.after = 'began')
                                 - count(*) filter (where e.after = 'ended')
                            from ticket_events e
                           where e.kind = 'waiting'
                             and e.at >= :ends::timestamptz
                      )
                    - coalesce(sum(waiting) over later, 0)
           end as waiting,
           coalesce(ends > (select applied_at from ticket_migrations where number = 11), true)
               as is_recorded
      from change
    window later as (order by day desc rows between unbounded preceding and 1 preceding)
)
select (
           select json_agg(
                      json_build_object(
                          'date', day,
                          'opened', opened,
                          'resolved', case when is_recorded then resolved end,
                          'closed', case when is_recorded then closed end,
                          'waiting', case when is_recorded then waiting end,
                          'finished', ends <= :at::timestamptz
                      ) order by day
                  )::text
             from figures
       ) as days,
       (
           select json_build_object(
                      'tickets', count(*),
                      'median_seconds', percentile_disc(0.5) within group (order by seconds),
                      'p90_seconds', percentile_disc(0.9) within group (order by seconds)
                  )::text
             from replied
       ) as first_reply,
       (
           select json_build_object(
                      'tickets', count(*),
                      'median_seconds', percentile_disc(0.5) within group (order by seconds),
                      'p90_seconds', percentile_disc(0.9) within group (order by seconds)
                  )::text
             from (
                      select greatest(0, floor(date_part('epoch', t.resolved_at - t.created_at)))
                                 ::integer as seconds
                        from tickets t
                       where t.resolved_at >= :starts::timestamptz
                         and t.resolved_at < :ends::timestamptz
                  ) as resolved
       ) as resolution,
       (
           select json_object_agg(
                      category,
                      json_build_array(
                          coalesce((select sum(opened.tickets) from opened
                                     where opened.category = listed.category), 0),
                          own.tickets,
                          own.median
                      )
                  )::text
             from unnest(:categories::text[]) as listed (category)
            cross join lateral (
                      select count(*) as tickets,
                             percentile_disc(0.5) within group (order by seconds) as median
                        from replied
                       where replied.category = listed.category
                  ) as own
       ) as categories;
