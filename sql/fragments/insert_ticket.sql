-- Inserts a ticket in the state that the domain gave it; the database gives it its id and version.
insert into tickets (user_id, category, other_category, subject, status, priority,
                     user_unread, admin_unread, message_count, last_message, created_at, updated_at,
                     last_ordinal, user_seen, admin_seen, waiting_since, follows, assignee_id,
                     last_sender, opened_by, events_recorded)
values (:user_id, :category, :other_category, :subject, :status, :priority,
        :user_unread, :admin_unread, :message_count, :last_message, :created_at, :updated_at,
        :last_ordinal, :user_seen, :admin_seen, :waiting_since, :follows, :assignee_id,
        :last_sender, :opened_by, :events_recorded)
returning id, user_id, category, other_category, subject, status, priority, user_unread,
          admin_unread, message_count, created_at, updated_at, waiting_since, follows, assignee_id,
          version
