-- The fields of ticket t in its user's list, for `row_to_json`: `UserRow`. Times as the service
-- encodes them elsewhere: in UTC, with microseconds if there are any.
t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.user_unread,
t.message_count, t.last_message,
to_char(t.created_at at time zone 'UTC',
        case when t.created_at::timestamptz(0) = t.created_at then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
             else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end) as created_at,
to_char(t.updated_at at time zone 'UTC',
        case when t.updated_at::timestamptz(0) = t.updated_at then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
             else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end) as updated_at,
t.last_sender
