-- Inserts the events :events of a change, a JSON array, for ticket `changed` and its new `message`.
-- A follow-up is an event of the ticket that the new one follows. Their ids are in their order.
insert into ticket_events (ticket_id, at, kind, by, admin_id, admin_name, before, after, message_id)
select case e.kind when 'follow_up' then t.follows else t.id end,
       e.at, e.kind, e.by, e.admin_id, e.admin_name, e.before,
       case e.kind when 'follow_up' then t.id::text else e.after end,
       case e.kind when 'message' then (select message.id from message) end
  from changed t
 cross join rows from (
           jsonb_to_recordset(:events::jsonb) as (
               at timestamptz, kind text, by text, admin_id integer, admin_name text, before text,
               after text
           )
       ) with ordinality as e (at, kind, by, admin_id, admin_name, before, after, number)
 order by e.number
returning id, ticket_id, kind, at
