-- The fields of ticket t in the admins' list, for `row_to_json`: `AdminRow`, with its assignee a.
-- Times as the service encodes them elsewhere: in UTC, with microseconds if there are any.
t.id, t.category, t.other_category, t.subject, t.status, t.priority, t.admin_unread,
t.message_count, t.last_message,
to_char(t.created_at at time zone 'UTC',
        case when t.created_at::timestamptz(0) = t.created_at then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
             else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end) as created_at,
to_char(t.updated_at at time zone 'UTC',
        case when t.updated_at::timestamptz(0) = t.updated_at then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
             else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end) as updated_at,
t.last_sender,
to_char(t.waiting_since at time zone 'UTC',
        case when t.waiting_since::timestamptz(0) = t.waiting_since then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
             else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end) as waiting_since,
case when a.id is not null then json_build_object('id', a.id, 'name', a.name) end as assignee,
t.user_id,
t.user_email
