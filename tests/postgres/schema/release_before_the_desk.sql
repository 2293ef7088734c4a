-- The statements of the release before the desk, which numbers messages, and records no events.

-- name: add_ticket_with_context
with ticket as (
    insert into tickets (user_id, category, other_category, subject, status, priority,
                         user_unread, admin_unread, message_count, last_message, created_at,
                         updated_at,
                         last_ordinal, user_seen, admin_seen, waiting_since, follows)
    values (:user_id, :category, :other_category, :subject, :status, :priority,
            :user_unread, :admin_unread, :message_count, :last_message, :created_at, :updated_at,
            :last_ordinal, :user_seen, :admin_seen, :waiting_since, :follows)
    returning id, version
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at, ordinal)
    select ticket.id, :sender_type, :sender_id, :message, :sent_at, :last_ordinal from ticket
), stored_response as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select :caller, :key, :fingerprint,
           :response::jsonb || jsonb_build_object('id', ticket.id, 'version', ticket.version),
           :recorded_at
      from ticket
     where :key::text is not null
    returning key
), hit as (
    insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
    select :subject_of_hit, clock_timestamp() + :interval, clock_timestamp(), :period
      from ticket
      left join stored_response on true
     where :subject_of_hit::text is not null
        on conflict (subject) do update
       set arrival = clock_timestamp() + :interval,
           seen_at = clock_timestamp(),
           tolerance = :period
    returning arrival - seen_at as arrival_in
)
select ticket.id, ticket.version, (select hit.arrival_in from hit) as arrival_in from ticket;

-- name: save_ticket
with saved as (
    update tickets as t
       set status = :status,
           user_unread = :user_unread,
           admin_unread = :admin_unread,
           message_count = :message_count,
           last_message = :last_message,
           updated_at = :updated_at,
           last_ordinal = :last_ordinal,
           user_seen = :user_seen,
           admin_seen = :admin_seen,
           waiting_since = :waiting_since,
           version = version + 1
     where id = :ticket_id
       and version = :version
       and user_id = :user_id
    returning id,
    (user_id, status, user_unread, admin_unread, message_count, last_message, updated_at,
     last_ordinal,
     user_seen, admin_seen, version)
        = (:user_id, :status, :user_unread, :admin_unread, :message_count, :last_message,
           :updated_at,
           :last_ordinal, :user_seen, :admin_seen, :version + 1)
    and waiting_since is not distinct from :waiting_since as is_as_sent
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at, ordinal)
    select saved.id, :sender_type::text, :sender_id, :message, :sent_at, :last_ordinal
      from saved
     where :sender_type::text is not null
    returning id
), stored_response as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select :caller, :key, :fingerprint,
           case
               when :sender_type::text is null then :response::jsonb
               else :response::jsonb || jsonb_build_object('id', (select message.id from message))
           end,
           :recorded_at
      from saved
     where :key::text is not null
    returning key
), hit as (
    insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
    select :subject_of_hit, clock_timestamp() + :interval, clock_timestamp(), :period
      from saved
      left join stored_response on true
     where :subject_of_hit::text is not null
        on conflict (subject) do update
       set arrival = clock_timestamp() + :interval,
           seen_at = clock_timestamp(),
           tolerance = :period
    returning arrival - seen_at as arrival_in
)
select saved.is_as_sent,
       (select message.id from message) as message_id,
       (select hit.arrival_in from hit) as arrival_in
  from saved;

-- name: save_state
update tickets as t
   set status = :status,
       user_unread = :user_unread,
       admin_unread = :admin_unread,
       message_count = :message_count,
       last_message = :last_message,
       updated_at = :updated_at,
       last_ordinal = :last_ordinal,
       user_seen = :user_seen,
       admin_seen = :admin_seen,
       waiting_since = :waiting_since,
       version = version + 1
 where id = :ticket_id
   and version = :version
   and user_id = :user_id
returning
(user_id, status, user_unread, admin_unread, message_count, last_message, updated_at, last_ordinal,
 user_seen, admin_seen, version)
    = (:user_id, :status, :user_unread, :admin_unread, :message_count, :last_message, :updated_at,
       :last_ordinal, :user_seen, :admin_seen, :version + 1)
and waiting_since is not distinct from :waiting_since as is_as_sent;
