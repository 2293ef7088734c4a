-- Joins the assignee a of ticket t, unless that admin is disabled.
left join ticket_admins a on a.id = t.assignee_id and a.disabled_at is null
