-- The columns of a ticket in the admins' list, without the address of its user.
t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.admin_unread,
t.message_count, t.last_message, t.created_at, t.updated_at, t.last_sender,
t.waiting_since, t.assignee_id, t.user_id
