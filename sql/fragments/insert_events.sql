-- Inserts the events of a change of ticket `changed`, which has the new `message`. :events is one
-- flat array: kind, before and after of each event. All have the same moment and author, and get
-- their ids in their order. A follow-up is an event of the ticket that the new one follows.
insert into ticket_events (ticket_id, at, kind, by, admin_id, admin_name, before, after, message_id)
select case (:events::text[])[e.start] when 'follow_up' then t.follows else t.id end,
       :event_at::timestamptz, (:events::text[])[e.start], :event_by::text,
       :event_admin_id::integer, :event_admin_name::text, (:events::text[])[e.start + 1],
       case (:events::text[])[e.start]
           when 'follow_up' then t.id::text
           else (:events::text[])[e.start + 2]
       end,
       case (:events::text[])[e.start] when 'message' then (select message.id from message) end
  from changed t
 cross join generate_series(1, cardinality(:events::text[]), 3) as e (start)
