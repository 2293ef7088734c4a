-- Selects a page of the thread of ticket :ticket_id as one row: the messages as encoded JSON,
-- oldest first, the ordinal of the newest message before the page, and whether there are messages
-- without an ordinal, which no page has. It has the newest :limit messages with ordinals below
-- :before. It ends earlier where their JSON is longer than :max_bytes, but has at least one. One
-- message more than that is read, and no message beyond it. Times are as the service encodes them
-- elsewhere: in UTC, with microseconds if there are any.
select coalesce(
           convert_to(
               '[' || string_agg(m.body, ',' order by m.ordinal) filter (where m.shown) || ']',
               'UTF8'
           ),
           '[]'
       ) as messages,
       max(m.ordinal) filter (where not m.shown) as previous,
       exists (
           select from ticket_messages where ticket_id = :ticket_id and ordinal is null
       ) as has_unnumbered
  from (
           select m.ordinal,
                  m.body,
                  row_number() over newest <= :limit
                      and (row_number() over newest = 1
                           or sum(octet_length(m.body)) over newest <= :max_bytes) as shown
             from (
                      select m.ordinal, row_to_json(fields)::text as body
                        from ticket_messages m
                       cross join lateral (
                                 select m.id, m.ticket_id, m.sender_type, m.sender_id, m.message,
                                        to_char(
                                            m.created_at at time zone 'UTC',
                                            case when m.created_at::timestamptz(0) = m.created_at
                                                 then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                                                 else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
                                        ) as created_at,
                                        m.ordinal, m.sender_name
                             ) as fields
                       where m.ticket_id = :ticket_id
                         and m.ordinal < :before
                       order by m.ordinal desc
                       limit :limit + 1
                  ) as m
           window newest as (order by m.ordinal desc rows unbounded preceding)
       ) as m
