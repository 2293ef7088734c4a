-- Whether the updated row is what was sent. A trigger of the platform's may have changed it; then
-- it must not be cached.
(user_id, status, priority, user_unread, admin_unread, message_count, last_message, updated_at,
 last_ordinal, user_seen, admin_seen, last_sender, events_recorded, version)
    = (:user_id, :status, :priority, :user_unread, :admin_unread, :message_count, :last_message,
       :updated_at, :last_ordinal, :user_seen, :admin_seen, :last_sender, :events_recorded,
       :version + 1)
and (waiting_since, first_replied_at, resolved_at)
    is not distinct from (:waiting_since, :first_replied_at, :resolved_at)
and (assignee_id is not distinct from :assignee_id or not :assigns) as is_as_sent
