-- Fills the outbox: a delivery of each `event` of a change for each channel that wants it. The body
-- is fixed here: ticket `changed` and its new `message`, if there is one, as the API shows them to
-- admins. The first message of a ticket is delivered with the creation, and not once more.
insert into ticket_deliveries (channel, event, event_id, ticket_id, target, body, due_at)
select c.channel, delivered.event, e.id, e.ticket_id, c.target,
       jsonb_build_object(
           'ticket', jsonb_build_object(
               'id', t.id, 'user_id', t.user_id,
               'user_email', (select u.email from users u where u.id = t.user_id),
               'category', t.category,
               'other_category', t.other_category, 'subject', t.subject, 'status', t.status,
               'priority', t.priority, 'user_unread', t.user_unread,
               'admin_unread', t.admin_unread, 'message_count', t.message_count,
               'created_at', to_char(
                   t.created_at at time zone 'UTC',
                   case when t.created_at::timestamptz(0) = t.created_at
                        then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                        else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
               ),
               'updated_at', to_char(
                   t.updated_at at time zone 'UTC',
                   case when t.updated_at::timestamptz(0) = t.updated_at
                        then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                        else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
               ),
               'follows', t.follows,
               'waiting_since', to_char(
                   t.waiting_since at time zone 'UTC',
                   case when t.waiting_since::timestamptz(0) = t.waiting_since
                        then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                        else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
               ),
               'assignee', (
                   select jsonb_build_object('id', a.id, 'name', a.name)
                     from ticket_admins a
                    where a.id = t.assignee_id
                      and a.disabled_at is null
               )
           )
       ) || coalesce(
           (
               select jsonb_build_object('message', jsonb_build_object(
                          'id', m.id, 'ticket_id', t.id, 'sender_type', m.sender_type,
                          'sender_id', m.sender_id, 'message', m.message,
                          'created_at', to_char(
                              m.created_at at time zone 'UTC',
                              case when m.created_at::timestamptz(0) = m.created_at
                                   then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                                   else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
                          ),
                          'ordinal', m.ordinal, 'sender_name', m.sender_name
                      ))
                 from message m
           ),
           '{}'
       ),
       e.at
  from ticket_channels c
 cross join event e
  join (
           values ('created', 'ticket.created'), ('message', 'message.created'),
                  ('status', 'ticket.status_changed'),
                  ('closed_naturally', 'ticket.status_changed'),
                  ('assignee', 'ticket.assigned'), ('priority', 'ticket.priority_changed')
       ) as delivered (kind, event) on delivered.kind = e.kind
 cross join changed t
 where c.disabled_at is null
   and delivered.event = any(c.events)
   and (e.kind <> 'message' or t.message_count > 1)
 order by e.id, c.id
