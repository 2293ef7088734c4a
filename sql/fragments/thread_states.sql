-- The derived columns of the tickets :ticket_ids beside what their messages say they should be. A
-- wait is wrong only if nobody can be waiting: when it began is a decision that messages alone do
-- not tell. So are the first reply and the resolution, which are wrong only where there can be none.
-- An assignee is an admin that exists, disabled or not; a followed ticket is another of its user's.
select t.id, t.message_count, t.last_message, t.last_ordinal, t.user_seen, t.admin_seen,
       t.waiting_since, t.last_sender, t.opened_by, t.first_replied_at, t.resolved_at,
       t.assignee_id, t.follows, thread.unnumbered,
       thread.messages as right_message_count,
       coalesce(newest.preview, '') as right_last_message,
       greatest(t.last_ordinal, thread.highest) as right_last_ordinal,
       greatest(0, least(t.user_seen, greatest(t.last_ordinal, thread.highest))) as right_user_seen,
       greatest(0, least(t.admin_seen, greatest(t.last_ordinal, thread.highest)))
           as right_admin_seen,
       case when t.status <> 'closed' and thread.asked > thread.answered then t.waiting_since end
           as right_waiting_since,
       coalesce(newest.sender_type, 'user') as right_last_sender,
       coalesce(thread.opened_by, t.opened_by) as right_opened_by,
       case when coalesce(thread.opened_by, t.opened_by) = 'user' then t.first_replied_at end
           as right_first_replied_at,
       case when t.status in ('resolved', 'closed') then t.resolved_at end as right_resolved_at,
       (select a.id from ticket_admins a where a.id = t.assignee_id) as right_assignee_id,
       (
           select f.id
             from tickets f
            where f.id = t.follows and f.id <> t.id and f.user_id = t.user_id
       ) as right_follows
  from tickets t
 cross join lateral (
           select count(*)::integer as messages,
                  count(*) filter (where m.ordinal is null)::integer as unnumbered,
                  coalesce(max(m.ordinal), 0) as highest,
                  coalesce(max(m.ordinal) filter (where m.sender_type = 'user'), 0) as asked,
                  coalesce(max(m.ordinal) filter (where m.sender_type = 'admin'), 0) as answered,
                  -- the message before which there was none, unless it was deleted
                  min(m.sender_type) filter (where m.ordinal = 1) as opened_by
             from ticket_messages m
            where m.ticket_id = t.id
       ) as thread
  left join lateral (
           select ticket_message_preview(m.message) as preview, m.sender_type
             from ticket_messages m
            where m.ticket_id = t.id
            order by m.ordinal desc nulls first, m.created_at desc, m.id desc
            limit 1
       ) as newest on true
 where t.id = any(:ticket_ids::integer[])
