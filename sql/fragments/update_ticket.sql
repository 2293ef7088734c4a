-- Updates a ticket under optimistic locking: only if it still has the version that was loaded, and
-- still belongs to the same user. The columns that no decision changes are not listed. An assignee
-- who is disabled is loaded as none; the column keeps that admin until a decision assigns anew.
update tickets as t
   set status = :status,
       priority = :priority,
       user_unread = :user_unread,
       admin_unread = :admin_unread,
       message_count = :message_count,
       last_message = :last_message,
       updated_at = :updated_at,
       last_ordinal = :last_ordinal,
       user_seen = :user_seen,
       admin_seen = :admin_seen,
       waiting_since = :waiting_since,
       assignee_id = case when :assigns::boolean then :assignee_id else assignee_id end,
       last_sender = :last_sender,
       first_replied_at = :first_replied_at,
       resolved_at = :resolved_at,
       events_recorded = :events_recorded,
       version = version + 1
 where id = :ticket_id
   and version = :version
   and user_id = :user_id
