-- Inserts a ticket in the state that the domain gave it; the database gives it its id and version.
insert into tickets (user_id, category, other_category, subject, status, priority,
                     user_unread, admin_unread, message_count, last_message, created_at, updated_at,
                     last_ordinal, user_seen, admin_seen, waiting_since, follows, assignee_id,
                     last_sender, opened_by, events_recorded)
select :user_id, :category, :other_category, :subject, :status, :priority,
       :user_unread, :admin_unread, :message_count, :last_message, :created_at, :updated_at,
       :last_ordinal, :user_seen, :admin_seen, :waiting_since, :follows, :assignee_id,
       :last_sender, :opened_by, :events_recorded
