-- Selects a page of the history of ticket :ticket_id as one row: the events as encoded JSON, oldest
-- first, and the id of the oldest one where there are older ones. It has the newest :max_events with
-- ids below :events_before. Customers are not shown what admins do among themselves: it is left out
-- before events are counted, so that it changes nothing in what they get.
select coalesce(
           convert_to(
               '[' || string_agg(e.body, ',' order by e.id) filter (where e.n <= :max_events) || ']',
               'UTF8'
           ),
           '[]'
       ) as events,
       case when count(*) > :max_events then min(e.id) filter (where e.n <= :max_events) end
           as events_before
  from (
           select e.id, row_to_json(fields)::text as body, row_number() over (order by e.id desc) as n
             from (
                      select e.id, e.at, e.kind, e.by, e.admin_name, e.before, e.after
                        from ticket_events e
                       where e.ticket_id = :ticket_id
                         and e.id < :events_before
                         and e.kind in ('status', 'follow_up', 'closed_naturally', 'assignee',
                                        'priority')
                         and (:viewer::text = 'admin' or e.kind not in ('assignee', 'priority'))
                       order by e.id desc
                       limit :max_events + 1
                  ) as e
            cross join lateral (
                      select e.id,
                             to_char(
                                 e.at at time zone 'UTC',
                                 case when e.at::timestamptz(0) = e.at
                                      then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                                      else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
                             ) as at,
                             e.kind, e.by, e.admin_name as name, e.before as "from", e.after as "to"
                  ) as fields
       ) as e
