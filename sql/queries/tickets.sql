-- The write side: one statement each, so that none needs a transaction around it. A thread travels as JSON: arrays would
-- make the driver look their types up in the catalogue, three round trips per new connection.
--
-- What a request with an Idempotency-Key changes is stored together with the key and the answer. Where the key is there
-- already, the statement fails as a whole; where no key is given ($ of it is null), no row is written for it.
--
-- What a limit counts is counted with it in the same way: a use too many breaks a constraint of the row that counts, and the
-- whole statement with it. Where there is a key, that row is locked last, after the key's: a request that meets its own twin is no use.

-- name: add_ticket
-- Store a new ticket with its first message, as nearly every one is opened: counted, and without a key. Whatever else a statement could
-- do costs something, also where it is not done. The row that counts comes first, so that what is refused takes no id.
with ticket as (
    insert into tickets (user_id, category, other_category, subject, status, priority, user_unread, admin_unread,
                         message_count, last_message, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    returning id, version
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
    select ticket.id, $13, $14, $15, $16 from ticket
)
insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
values ($17, clock_timestamp() + $18, clock_timestamp(), $19)
    on conflict (subject) do update
   set arrival = greatest(case when r.tolerance = $19 then r.arrival end, clock_timestamp()) + $18,
       seen_at = clock_timestamp(),
       tolerance = $19
returning (select ticket.id from ticket) as id, (select ticket.version from ticket) as version, arrival - seen_at as ahead;

-- name: add_ticket_in_general
-- The same with a key, or where nothing limits how many there may be.
with ticket as (
    insert into tickets (user_id, category, other_category, subject, status, priority, user_unread, admin_unread,
                         message_count, last_message, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    returning id, version
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
    select ticket.id, $13, $14, $15, $16 from ticket
), receipt as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select $17, $18, $19, $20::jsonb || jsonb_build_object('id', ticket.id, 'version', ticket.version), $21
      from ticket
     where $18::text is not null
    returning key
), rate as (
    insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
    select $22, clock_timestamp() + $23, clock_timestamp(), $24
      from ticket
      left join receipt on true
     where $22::text is not null
    on conflict (subject) do update
       set arrival = greatest(case when r.tolerance = $24 then r.arrival end, clock_timestamp()) + $23,
           seen_at = clock_timestamp(),
           tolerance = $24
    returning arrival - seen_at as ahead
)
select ticket.id, ticket.version, (select rate.ahead from rate) as ahead from ticket;

-- name: get_ticket
-- Load the state that decisions need; its cost does not depend on the length of the thread.
select id, user_id, category, other_category, subject, status, priority, user_unread, admin_unread, message_count,
       last_message, created_at, updated_at, version
  from tickets
 where id = $1;

-- name: get_ticket_with_thread
-- Load a ticket and its thread in one snapshot, oldest message first.
select t.id, t.user_id, t.category, t.other_category, t.subject, t.status, t.priority, t.user_unread, t.admin_unread,
       t.message_count, t.last_message, t.created_at, t.updated_at, t.version, u.email as user_email,
       (
           select coalesce(json_agg(m order by m.created_at, m.id), '[]')
             from (
                      select id, ticket_id, sender_type, sender_id, message, created_at
                        from ticket_messages
                       where ticket_id = t.id
                  ) as m
       ) as messages
  from tickets t
  left join users u on u.id = t.user_id
 where t.id = $1;

-- name: save_ticket
-- Store state and new message together, if the ticket is still at the version that was loaded, and still its user's; no row back
-- means it is not.
-- Writers of one ticket queue at its row, so its messages get their ids in the order in which they are committed. Where a trigger
-- of the platform's has made something else of it, the row is not as it was sent.
with saved as (
    update tickets
       set status = $4,
           user_unread = $5,
           admin_unread = $6,
           message_count = $7,
           last_message = $8,
           updated_at = $9,
           version = version + 1
     where id = $1
       and version = $2
       and user_id = $3
    returning id,
              (user_id, status, user_unread, admin_unread, message_count, last_message, updated_at, version)
                  = ($3, $4, $5, $6, $7, $8, $9, $2 + 1) as is_as_sent
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
    select saved.id, $10::text, $11, $12, $13 from saved where $10::text is not null
    returning id
), receipt as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select $14, $15, $16,
           -- the answer to a reply is its message, whose id is known only now
           case
               when $10::text is null then $17::jsonb
               else $17::jsonb || jsonb_build_object('id', (select message.id from message))
           end,
           $18
      from saved
     where $15::text is not null
    returning key
), rate as (
    insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
    select $19, clock_timestamp() + $20, clock_timestamp(), $21
      from saved
      left join receipt on true
     where $19::text is not null
    on conflict (subject) do update
       set arrival = greatest(case when r.tolerance = $21 then r.arrival end, clock_timestamp()) + $20,
           seen_at = clock_timestamp(),
           tolerance = $21
    returning arrival - seen_at as ahead
)
select saved.is_as_sent,
       (select message.id from message) as message_id,
       (select rate.ahead from rate) as ahead
  from saved;

-- name: save_state
-- The same where nothing goes with it, as when somebody opens a ticket that holds something new.
update tickets
   set status = $4,
       user_unread = $5,
       admin_unread = $6,
       message_count = $7,
       last_message = $8,
       updated_at = $9,
       version = version + 1
 where id = $1
   and version = $2
   and user_id = $3
returning (user_id, status, user_unread, admin_unread, message_count, last_message, updated_at, version)
              = ($3, $4, $5, $6, $7, $8, $9, $2 + 1) as is_as_sent;

-- name: save_with_thread
-- The same, and the ticket with its thread as it is now. The snapshot may be older than the row, which may have been waited for;
-- not older than the version that was loaded, and with that one nothing has been written since.
with saved as (
    update tickets
       set status = $4,
           user_unread = $5,
           admin_unread = $6,
           message_count = $7,
           last_message = $8,
           updated_at = $9,
           version = version + 1
     where id = $1
       and version = $2
       and user_id = $3
    returning id, user_id, category, other_category, subject, status, priority, user_unread, admin_unread,
              message_count, last_message, created_at, updated_at, version
)
select t.id, t.user_id, t.category, t.other_category, t.subject, t.status, t.priority, t.user_unread, t.admin_unread,
       t.message_count, t.last_message, t.created_at, t.updated_at, t.version, u.email as user_email,
       (
           select coalesce(json_agg(m order by m.created_at, m.id), '[]')
             from (
                      select id, ticket_id, sender_type, sender_id, message, created_at
                        from ticket_messages
                       where ticket_id = t.id
                  ) as m
       ) as messages
  from saved t
  left join users u on u.id = t.user_id;

-- name: resolved_until
-- Find resolved tickets to which nothing has happened since a moment, longest unchanged first. The messages are asked as well,
-- for tickets that were taken over from a platform that did not move `updated_at` with them.
select t.id
  from tickets t
 where t.status = 'resolved'
   and t.updated_at <= $1
   and not exists (select from ticket_messages m where m.ticket_id = t.id and m.created_at > $1)
 order by t.updated_at, t.id
 limit $2;
