-- The columns of a ticket, as the domain loads it.
t.id, t.user_id, t.category, t.other_category, t.subject, t.status, t.priority, t.user_unread,
t.admin_unread, t.message_count, t.last_message, t.created_at, t.updated_at,
t.last_ordinal, t.user_seen, t.admin_seen, t.waiting_since, t.follows, t.assignee_id, t.last_sender,
t.opened_by, t.first_replied_at, t.resolved_at, t.events_recorded, t.version
