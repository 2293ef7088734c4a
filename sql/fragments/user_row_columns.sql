-- The columns of a ticket in its user's list.
t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.user_unread,
t.message_count, t.last_message, t.created_at, t.updated_at, t.last_sender
