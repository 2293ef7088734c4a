-- The messages of ticket t as a JSON array, oldest first. JSON and not an array of rows: for those
-- the driver would look their types up in the catalogue, three round trips per new connection.
(
    select coalesce(json_agg(m order by m.created_at, m.id), '[]')
      from (
               select id, ticket_id, sender_type, sender_id, message, created_at
                 from ticket_messages
                where ticket_id = t.id
           ) as m
) as messages
