-- The name of the assignee of ticket t; null where nobody is assigned, or an admin who is disabled.
(
    select a.name from ticket_admins a where a.id = t.assignee_id and a.disabled_at is null
) as assignee_name
