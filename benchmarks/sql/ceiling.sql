-- The statements of the ceiling: one per request, with the token check inside, on the service's
-- schema. Its writes maintain all that it reads: flags, counts (by triggers), previews, versions,
-- indexes.
--
-- In a user's statement $1 is the SHA-256 of the token. No row means an unknown token.

-- name: user_unread
select (select count(*) from tickets where user_id = k.user_id and user_unread)
  from ticket_tokens k
 where k.token_sha256 = $1
   and k.expires_at > now();

-- name: user_list
-- A user without tickets is one row of nulls.
select t.*
  from ticket_tokens k
  left join lateral (
           select t.*
             from unnest($2::text[]) as wanted (status)
            cross join lateral (
                      select id, category, other_category, subject, status, priority, user_unread,
                             message_count, last_message, created_at, updated_at, last_sender
                        from tickets
                       where user_id = k.user_id
                         and status = wanted.status
                         and (updated_at, id) < ($3, $4)
                       order by updated_at desc, id desc
                       limit $5
                  ) as t
            order by t.updated_at desc, t.id desc
            limit $5
       ) as t on true
 where k.token_sha256 = $1
   and k.expires_at > now();

-- name: user_ticket
-- The flag is cleared if it was set, and only if the row is still that of the snapshot whose thread
-- is returned: a message that arrived in between has raised the version, and stays unread.
with shown as materialized (
    select t.id, t.version, t.user_unread, t.user_seen
      from ticket_tokens k
      left join tickets t on t.id = $2 and t.user_id = k.user_id
     where k.token_sha256 = $1
       and k.expires_at > now()
), seen as (
    update tickets t
       set user_unread = false,
           user_seen = t.last_ordinal,
           version = t.version + 1
      from shown
     where shown.user_unread
       and t.id = shown.id
       and t.version = shown.version
)
select t.id, t.user_id, t.category, t.other_category, t.subject, t.status, t.priority,
       t.admin_unread, t.message_count, t.created_at, t.updated_at, t.follows,
       case when t.status = 'resolved' and t.waiting_since is null
            then t.updated_at + interval '876000 hours' end as closes_at,
       (
           select json_agg(e order by e.id)
             from (
                      select id, at, kind, by, admin_name as name, before as "from", after as "to"
                        from ticket_events
                       where ticket_id = t.id
                         and kind in ('status', 'follow_up', 'closed_naturally')
                       order by id desc
                       limit 100
                  ) as e
       ) as events,
       array(select f.id from tickets f where f.follows = t.id order by f.id) as followed_by,
       shown.user_seen as seen,
       (
           select json_agg(m order by m.ordinal)
             from (
                      select id, ticket_id, sender_type, sender_id, message, created_at, ordinal,
                             sender_name
                        from ticket_messages
                       where ticket_id = t.id
                       order by ordinal desc
                       limit 200
                  ) as m
       ) as messages
  from shown
  left join tickets t on t.id = shown.id;

-- name: create
with ticket as (
    insert into tickets (user_id, category, other_category, subject, status, priority, user_unread,
                         admin_unread, message_count, last_message, created_at, updated_at,
                         last_ordinal, user_seen, waiting_since, events_recorded)
    select k.user_id, $2, $3, $4, 'open', 'normal', false, true, 1,
           case when char_length($5::text) > 100 then left($5, 100) || '…' else $5 end, $6, $6,
           1, 1, $6, 3
      from ticket_tokens k
     where k.token_sha256 = $1
       and k.expires_at > now()
    returning id, user_id
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at, ordinal)
    select id, 'user', user_id, $5, $6, 1 from ticket
    returning id
), event as (
    insert into ticket_events (ticket_id, at, kind, by, after, message_id)
    select ticket.id, $6, e.kind, 'user', e.after, case e.kind when 'message' then message.id end
      from ticket
     cross join message
     cross join (values ('created', null), ('message', null), ('waiting', 'began'))
                as e (kind, after)
)
select id, user_id from ticket;

-- name: user_reply
-- The message's id is null for another user's ticket and for a closed one.
with who as materialized (
    select user_id from ticket_tokens where token_sha256 = $1 and expires_at > now()
), was as materialized (
    select id, status, waiting_since, version from tickets where id = $2
), ticket as (
    update tickets t
       set status = case when t.status = 'resolved' then 'open' else t.status end,
           admin_unread = true,
           admin_seen = case when t.admin_unread then t.admin_seen else t.last_ordinal end,
           message_count = t.message_count + 1,
           last_ordinal = t.last_ordinal + 1,
           waiting_since = coalesce(t.waiting_since, greatest(t.updated_at, $4)),
           last_message =
               case when char_length($3::text) > 100 then left($3, 100) || '…' else $3 end,
           updated_at = greatest(t.updated_at, $4),
           last_sender = 'user',
           resolved_at = null,
           events_recorded = t.events_recorded + 1 + (was.status = 'resolved')::integer
                             + (was.waiting_since is null)::integer,
           version = t.version + 1
      from who
     cross join was
     where t.id = $2
       and t.version = was.version
       and t.user_id = who.user_id
       and t.status <> 'closed'
    returning t.id, t.updated_at, t.last_ordinal
), message as (
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at, ordinal)
    select ticket.id, 'user', who.user_id, $3, ticket.updated_at, ticket.last_ordinal
      from ticket
     cross join who
    returning id, created_at, ordinal
), event as (
    insert into ticket_events (ticket_id, at, kind, by, before, after, message_id)
    select ticket.id, ticket.updated_at, e.kind, 'user', e.before, e.after,
           case e.kind when 'message' then message.id end
      from ticket
     cross join message
     cross join was
     cross join (
               values ('message', null, null), ('status', 'resolved', 'open'),
                      ('waiting', null, 'began')
           ) as e (kind, before, after)
     where e.kind = 'message'
        or e.kind = 'status' and was.status = 'resolved'
        or e.kind = 'waiting' and was.waiting_since is null
)
select who.user_id, message.id, message.created_at, message.ordinal
  from who
  left join message on true;

-- name: admin_unread
select coalesce(sum(admin_unread), 0)::bigint from ticket_counts;

-- name: admin_list
select id, category, other_category, subject, status, priority, admin_unread, message_count,
       last_message, created_at, updated_at,
       (select email from users where users.id = tickets.user_id) as user_email,
       last_sender, waiting_since, user_id,
       (select json_build_object('id', id, 'name', name)::text from ticket_admins
         where id = tickets.assignee_id and disabled_at is null) as assignee
  from tickets
 where (admin_unread, updated_at, id) < ($1, $2, $3)
 order by admin_unread desc, updated_at desc, id desc
 limit $4;

-- name: admin_list_filtered
select t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.admin_unread,
       t.message_count, t.last_message, t.created_at, t.updated_at,
       (select email from users where users.id = t.user_id) as user_email,
       t.last_sender, t.waiting_since, t.user_id,
       (select json_build_object('id', id, 'name', name)::text from ticket_admins
         where id = t.assignee_id and disabled_at is null) as assignee
  from unnest($1::text[]) as s (status)
 cross join unnest($2::text[]) as c (category)
 cross join lateral (
           select id, user_id, category, other_category, subject, status, priority, admin_unread,
                  message_count, last_message, created_at, updated_at, last_sender,
                  waiting_since, assignee_id
             from tickets
            where status = s.status
              and category = c.category
              and (admin_unread, updated_at, id) < ($3, $4, $5)
            order by admin_unread desc, updated_at desc, id desc
            limit $6
       ) as t
 order by t.admin_unread desc, t.updated_at desc, t.id desc
 limit $6;

-- name: admin_stats
select status, category, sum(total)::bigint, sum(admin_unread)::bigint
  from ticket_counts
 group by status, category;

-- name: admin_ticket
with shown as materialized (
    select id, version, admin_unread, admin_seen from tickets where id = $1
), seen as (
    update tickets t
       set admin_unread = false,
           admin_seen = t.last_ordinal,
           version = t.version + 1
      from shown
     where shown.admin_unread
       and t.id = shown.id
       and t.version = shown.version
)
select t.id, t.user_id, t.category, t.other_category, t.subject, t.status, t.priority,
       t.user_unread, t.message_count, t.created_at, t.updated_at, t.follows,
       t.waiting_since,
       case when t.status = 'resolved' and t.waiting_since is null
            then t.updated_at + interval '876000 hours' end as closes_at,
       (select json_build_object('id', id, 'name', name) from ticket_admins
         where id = t.assignee_id and disabled_at is null) as assignee,
       (
           select json_agg(n order by n.id)
             from (
                      select id, admin_id, admin_name, note, created_at
                        from ticket_notes
                       where ticket_id = t.id
                       order by id desc
                       limit 100
                  ) as n
       ) as notes,
       (
           select json_agg(e order by e.id)
             from (
                      select id, at, kind, by, admin_name as name, before as "from", after as "to"
                        from ticket_events
                       where ticket_id = t.id
                         and kind in ('status', 'follow_up', 'closed_naturally', 'assignee',
                                      'priority')
                       order by id desc
                       limit 100
                  ) as e
       ) as events,
       array(select f.id from tickets f where f.follows = t.id order by f.id) as followed_by,
       shown.admin_seen as seen,
       (select email from users where users.id = t.user_id) as user_email,
       (
           select json_agg(m order by m.ordinal)
             from (
                      select id, ticket_id, sender_type, sender_id, message, created_at, ordinal,
                             sender_name
                        from ticket_messages
                       where ticket_id = t.id
                       order by ordinal desc
                       limit 200
                  ) as m
       ) as messages
  from shown
  join tickets t on t.id = shown.id;

-- name: queue_waiting
-- The first page: from the index of the queue, then its rows.
select t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.admin_unread,
       t.message_count, t.last_message, t.created_at, t.updated_at,
       (select email from users where users.id = t.user_id) as user_email,
       t.last_sender, t.waiting_since, t.user_id,
       (select json_build_object('id', id, 'name', name)::text from ticket_admins
         where id = t.assignee_id and disabled_at is null) as assignee
  from tickets t
 where t.waiting_since is not null
 order by t.waiting_since, t.id
 limit $1;

-- name: queue_open
select t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.admin_unread,
       t.message_count, t.last_message, t.created_at, t.updated_at,
       (select email from users where users.id = t.user_id) as user_email,
       t.last_sender, t.waiting_since, t.user_id,
       (select json_build_object('id', id, 'name', name)::text from ticket_admins
         where id = t.assignee_id and disabled_at is null) as assignee
  from tickets t
 where t.status in ('open', 'in_progress')
 order by t.updated_at desc, t.id desc
 limit $1;
