-- What auto-close would do, before and after the migrations: for `tickets migrate --check`.

-- name: overdue_tickets
-- Count the resolved tickets that have been quiet since a moment. The columns that migrations add
-- may be missing, so whether a customer waits is read from the row as JSON, or from its newest
-- message: a customer's, since which the row has not changed, was not answered by resolving.
select count(*)
  from tickets t
  left join lateral (
           select m.sender_type, m.created_at
             from ticket_messages m
            where m.ticket_id = t.id
            order by m.created_at desc, m.id desc
            limit 1
       ) as newest on true
 where t.status = 'resolved'
   and t.updated_at <= :moment
   and newest.created_at > :moment is not true
   and (newest.sender_type = 'user' and t.updated_at <= newest.created_at) is not true
   and to_jsonb(t) ->> 'waiting_since' is null;
