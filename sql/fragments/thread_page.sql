-- Selects a page of the thread of ticket :ticket_id as one row: the messages as encoded JSON,
-- oldest first, comma-separated, null where there are none; the ordinal of the newest message
-- before the page; and whether there are messages without an ordinal, which no page has. It has the
-- newest :limit messages with ordinals below :before. It ends earlier where their JSON is longer
-- than :max_bytes, but has at least one. One message more than that is read, and no message beyond
-- it.
select string_agg(m.body, ',' order by m.ordinal) filter (where m.shown) as messages,
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
                      select m.ordinal,
                          -- include: message_json
                          as body
                        from ticket_messages m
                       where m.ticket_id = :ticket_id
                         and m.ordinal < :before
                       order by m.ordinal desc
                       limit :limit + 1
                  ) as m
           window newest as (order by m.ordinal desc rows unbounded preceding)
       ) as m
