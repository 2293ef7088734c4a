-- The repository of tickets. Each query is one statement, so that no transaction is needed around
-- it.
--
-- A write stores all that belongs together, or nothing: the change, its events and what is to be
-- delivered of them, the response of its idempotency key, and the hit on its rate limit. A
-- duplicate key violates a primary key; a hit over the limit violates a check constraint. Where
-- there is a key, the hit is recorded after it, so that a request that meets its own duplicate does
-- not count.
--
-- The part that fills the outbox costs a write more than its events, even where no row is written.
-- So there are statements without it, which change nothing where a channel is on.

-- name: add_ticket
-- Store a new ticket with its first message and record the hit: the shorter statement, for requests
-- without an idempotency key. A hit over the limit fails before an id is taken. No row where
-- something is to be delivered.
with changed as (
    -- include: insert_ticket
     where
    -- include: nobody_listens
    returning id, follows, version
), message as (
    -- include: insert_first_message
    returning id
), event as (
    -- include: insert_events
)
insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
select :subject_of_hit, clock_timestamp() + :interval, clock_timestamp(), :period
 where
-- include: nobody_listens
    on conflict (subject) do update
    -- include: move_arrival
returning (select changed.id from changed) as id,
          (select changed.version from changed) as version,
          arrival - seen_at as arrival_in;

-- name: add_ticket_with_context
-- The same with an idempotency key, or without a rate limit.
with changed as (
    -- include: insert_ticket
     where
    -- include: nobody_listens
    returning id, follows, version
), message as (
    -- include: insert_first_message
    returning id
), event as (
    -- include: insert_events
), stored_response as (
    -- include: insert_creation_response
), hit as (
    -- include: insert_hit
)
select changed.id, changed.version, (select hit.arrival_in from hit) as arrival_in from changed;

-- name: add_ticket_and_deliver
-- The same where a channel is on: the outbox is filled, too.
with changed as (
    -- include: insert_ticket
    returning id, user_id, category, other_category, subject, status, priority, user_unread,
              admin_unread, message_count, created_at, updated_at, waiting_since, follows,
              assignee_id, version
), message as (
    -- include: insert_first_message
    returning id, sender_type, sender_id, sender_name, message, created_at, ordinal
), event as (
    -- include: insert_events
    returning id, ticket_id, kind, at
), delivery as (
    -- include: insert_deliveries
), stored_response as (
    -- include: insert_creation_response
), hit as (
    -- include: insert_hit
)
select changed.id, changed.version, (select hit.arrival_in from hit) as arrival_in,
       -- include: nobody_listens
       as nobody_listens
  from changed;

-- name: get_ticket
-- Load the state that decisions need; the cost does not depend on the length of the thread.
select
    -- include: ticket_columns
    ,
    -- include: assignee_name
  from tickets t
 where t.id = :ticket_id;

-- name: get_ticket_with_whole_thread
-- Load a ticket and its whole thread in one snapshot; `messages` is null where that is more than a
-- page. Nearly all threads are shorter, and take a fifth fewer instructions than in
-- `get_ticket_with_thread`: no window, and one scan of the messages instead of two.
select
    -- include: ticket_columns
    , u.email as user_email,
    -- include: assignee_name
    ,
    -- include: follow_ups
    , (
        -- include: whole_thread
    ) as messages, history.events, history.events_before
  from tickets t
  left join users u on u.id = t.user_id
 cross join (
           -- include: history_page
       ) as history
 where t.id = :ticket_id;

-- name: get_ticket_with_thread
-- Load a ticket, a page of its thread and one of its history in one snapshot.
select
    -- include: ticket_columns
    , u.email as user_email,
    -- include: assignee_name
    ,
    -- include: follow_ups
    , page.messages, page.previous, page.has_unnumbered, history.events, history.events_before
  from tickets t
  left join users u on u.id = t.user_id
 cross join (
           -- include: thread_page
       ) as page
 cross join (
           -- include: history_page
       ) as history
 where t.id = :ticket_id;

-- name: save_ticket
-- Save state, new message, events, stored response and hit together; no row where the ticket is
-- stale, or something is to be delivered. Writers of one ticket queue at its row, so its messages
-- and events get their ids, and its messages their ordinals, in the order in which they commit.
with changed as (
    -- include: update_ticket
       and
    -- include: nobody_listens
    returning id, follows,
    -- include: is_as_sent
), message as (
    -- include: insert_reply
    returning id
), event as (
    -- include: insert_events
), stored_response as (
    -- include: insert_response
), hit as (
    -- include: insert_hit
)
select changed.is_as_sent,
       (select message.id from message) as message_id,
       (select hit.arrival_in from hit) as arrival_in
  from changed;

-- name: save_ticket_and_deliver
-- The same where a channel is on: the outbox is filled, too. No row where the ticket is stale.
with changed as (
    -- include: update_ticket
    returning
    -- include: ticket_columns
    ,
    -- include: is_as_sent
), message as (
    -- include: insert_reply
    returning id, sender_type, sender_id, sender_name, message, created_at, ordinal
), event as (
    -- include: insert_events
    returning id, ticket_id, kind, at
), delivery as (
    -- include: insert_deliveries
), stored_response as (
    -- include: insert_response
), hit as (
    -- include: insert_hit
)
select changed.is_as_sent,
       (select message.id from message) as message_id,
       (select hit.arrival_in from hit) as arrival_in,
       -- include: nobody_listens
       as nobody_listens
  from changed;

-- name: save_state
-- Save the state alone, as when a reader's flag is cleared; no row where the ticket is stale.
-- include: update_ticket
returning
-- include: is_as_sent
;

-- name: save_with_thread
-- Save the state and return the ticket with its newest page. No row where the ticket is stale, and
-- where the page does not have every message above :shown_after. The statement may have waited for
-- the row, and its snapshot may be older than that. It is not older than the version that was
-- loaded, and no message was written since that version.
with page as (
    -- include: thread_page
), saved as (
    -- include: update_ticket
       and (
               select coalesce(page.previous, 0) <= :shown_after and not page.has_unnumbered
                 from page
           )
    returning
    -- include: ticket_columns
)
select
    -- include: ticket_columns
    , u.email as user_email,
    -- include: assignee_name
    ,
    -- include: follow_ups
    , page.messages, page.previous, page.has_unnumbered, history.events, history.events_before
  from saved t
  left join users u on u.id = t.user_id
 cross join page
 cross join (
           -- include: history_page
       ) as history;

-- name: resolved_since
-- Find resolved tickets that have been quiet since a moment, longest unchanged first, after a
-- position. Where the customer waits for an answer, the ticket stays. The newest message is looked
-- at as well: a platform whose tickets were taken over may not have moved `updated_at` with it.
select t.id, t.updated_at
  from tickets t
 where t.status = 'resolved'
   and t.waiting_since is null
   and t.updated_at <= :moment
   and (t.updated_at, t.id) > (:after_updated_at, :after_id)
   and (
           select m.created_at
             from ticket_messages m
            where m.ticket_id = t.id
            order by m.ordinal desc
            limit 1
       ) > :moment is not true
 order by t.updated_at, t.id
 limit :limit;

-- name: taken_over_at
-- When the service took this database over, or created its tables.
select applied_at from ticket_migrations where number = 1;
