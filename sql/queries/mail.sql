-- Mail state at the moment of sending: present tickets, limits, refusals and preferences.

-- name: mailed_tickets
-- Tickets with who is to be mailed about them, and the messages that deliveries tell of.
select t.id, t.subject, t.status, t.created_at, t.user_id,
       (select u.email from users u where u.id = t.user_id) as user_email,
       (
           select n.user_id from ticket_mail_unsubscribed n where n.user_id = t.user_id
       ) is not null as is_unsubscribed,
       t.user_unread, t.user_seen, t.admin_unread, t.admin_seen, a.id as assignee_id,
       a.email as assignee_email,
       (
           select max(e.id)
             from ticket_events e
            where e.ticket_id = t.id and e.kind in ('status', 'closed_naturally')
       ) as status_event_id,
       (
           select max(e.id) from ticket_events e where e.ticket_id = t.id and e.kind = 'assignee'
       ) as assignee_event_id
  from tickets t
  left join ticket_admins a on a.id = t.assignee_id and a.disabled_at is null
 where t.id = any(:ticket_ids::integer[]);

-- name: mailed_messages
-- The messages that deliveries tell of.
select m.id, m.ticket_id, m.ordinal, m.sender_type, m.message
  from ticket_messages m
 where m.id = any(:message_ids::integer[]);

-- name: mailed_first_messages
-- The first messages of tickets.
select m.id, m.ticket_id, m.ordinal, m.sender_type, m.message
  from ticket_messages m
 where m.ticket_id = any(:ticket_ids::integer[]) and m.ordinal = 1;

-- name: mail_key
-- The key of signed links.
select secret from ticket_channels where channel = 'mail' and target = 'customer';

-- name: switch_mail_on
-- Switch a target of mail on, from now on; nothing where it is on. Its key stays for good. What was
-- left over from the last time is closed, as nothing is sent about what happened before.
with switched as (
    insert into ticket_channels as c (channel, target, events, secret, created_at)
    values ('mail', :target, :events::text[], :key, :at)
        on conflict (channel, target) do update
       set disabled_at = null, created_at = excluded.created_at, events = excluded.events
     where c.disabled_at is not null or c.events <> excluded.events
    returning c.target
)
update ticket_deliveries d
   set outcome = 'held', closed_at = :at, leased_until = null
  from switched
 where d.channel = 'mail' and d.target = switched.target and d.outcome is null
       and d.due_at < :at
returning d.id;

-- name: switch_mail_off
-- Switch mail off: nothing is recorded for it any more.
update ticket_channels
   set disabled_at = :at
 where channel = 'mail' and disabled_at is null
returning target;

-- name: mails_sent
-- How many mails were counted on a day.
select subject, sent from ticket_mail_counts where day = :day and subject = any(:counters::text[]);

-- name: count_mail
-- Count a mail under several subjects.
insert into ticket_mail_counts as c (subject, day, sent)
select distinct subject, :day::date, 1 from unnest(:counters::text[]) as counter (subject)
    on conflict (subject, day) do update set sent = c.sent + 1
returning subject;

-- name: delete_old_mail_counts
-- Delete the counts of past days.
delete from ticket_mail_counts where day < :day returning subject;

-- name: suspended_addresses
-- Which addresses get no mail.
select address
  from ticket_mail_refusals
 where address = any(:addresses::text[]) and suspended_at is not null;

-- name: refuse_address
-- Record a refusal; return whether it suspended the address.
insert into ticket_mail_refusals as r (address, refusals, last_error)
values (:address, 1, :error)
    on conflict (address) do update
   set refusals = r.refusals + 1,
       last_error = excluded.last_error,
       suspended_at = case
           when r.refusals + 1 >= :suspended_after::integer then coalesce(r.suspended_at, :at)
       end
returning suspended_at = :at as is_suspended;

-- name: forget_refusals
-- Forget the refusals of addresses that were not suspended.
delete from ticket_mail_refusals
 where address = any(:addresses::text[]) and suspended_at is null
returning address;

-- name: release_address
-- Release a suspended address; no row where it is not suspended.
delete from ticket_mail_refusals
 where address = :address and suspended_at is not null
returning address;

-- name: is_subscribed
-- Whether a customer gets mails.
select not exists (select from ticket_mail_unsubscribed where user_id = :user_id);

-- name: unsubscribe_user
-- Send a customer no more mails.
insert into ticket_mail_unsubscribed (user_id, at) values (:user_id, :at)
    on conflict do nothing
returning user_id;

-- name: subscribe_user
-- Send a customer mails again.
delete from ticket_mail_unsubscribed where user_id = :user_id returning user_id;
