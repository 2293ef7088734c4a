-- Whether the updated row is what was sent. A trigger of the platform's may have changed it; then
-- it must not be cached.
(user_id, status, user_unread, admin_unread, message_count, last_message, updated_at, version)
    = (:user_id, :status, :user_unread, :admin_unread, :message_count, :last_message, :updated_at,
       :version + 1) as is_as_sent
