-- Filters of a selection of tickets t; null is no filter.
and (:statuses::text is null or t.status = any (string_to_array(:statuses, ',')))
and (:category::text is null or t.category = :category)
and (:priority::text is null or t.priority = :priority)
and (not :unread_only::boolean or t.admin_unread)
and (not :waiting_only::boolean or t.waiting_since is not null)
