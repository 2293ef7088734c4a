-- Selects the thread of ticket t as encoded JSON, oldest first, comma-separated, if one page has all
-- of it: at most :limit messages, each with an ordinal, and at most :max_bytes of JSON. Else null.
-- One message more than :limit is read at most, and none where the ticket already has more.
select case
           when count(*) <= :limit
                and count(*) = count(m.ordinal)
                and sum(octet_length(m.body)) <= :max_bytes
           then string_agg(m.body, ',' order by m.ordinal)
       end
  from (
           select m.ordinal,
               -- include: message_json
               as body
             from ticket_messages m
            where m.ticket_id = t.id
              and t.message_count <= :limit
            order by m.ordinal
            limit :limit + 1
       ) as m
