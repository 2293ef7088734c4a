-- The columns of a claimed delivery, with those of its event.
d.id, d.channel, d.target, d.event, d.event_id, d.ticket_id, d.body::text as body, d.attempts,
d.unconfirmed, d.leased_until as lease, coalesce(e.at, d.due_at) as at, e.by, e.admin_id, e.after,
e.message_id
