-- Whether the updated row is what was sent. A trigger of the platform's may have changed it; then
-- it must not be cached.
(user_id, status, user_unread, admin_unread, message_count, last_message, updated_at, last_ordinal,
 user_seen, admin_seen, version)
    = (:user_id, :status, :user_unread, :admin_unread, :message_count, :last_message, :updated_at,
       :last_ordinal, :user_seen, :admin_seen, :version + 1)
and waiting_since is not distinct from :waiting_since as is_as_sent
