-- The named admins: token lookup by hash, and the team.

-- name: admin_by_token_sha256
-- The admin who holds the token with this hash.
select id, name from ticket_admins where token_sha256 = :token_sha256 and disabled_at is null;

-- name: get_admin
-- The admin with this id, unless disabled.
select id, name from ticket_admins where id = :admin_id and disabled_at is null;

-- name: email_of_admin
-- The address of an admin, disabled ones included.
select email from ticket_admins where id = :admin_id;

-- name: list_admins
-- All admins by name, disabled ones last, with the number of their tickets that are not closed.
-- Tickets of a disabled admin count as unassigned.
select a.id, a.name, coalesce(a.email, '') as email, a.disabled_at is null as active,
       case when a.disabled_at is null
            then (
                     select count(*)
                       from tickets t
                      where coalesce(t.assignee_id, 0) = a.id
                        and t.status <> 'closed'
                 )
            else 0 end as open
  from ticket_admins a
 order by a.disabled_at is not null, lower(a.name), a.id;

-- name: assigned_to
-- Tickets that are assigned to an admin and not closed, also where the admin is disabled.
select id
  from tickets
 where coalesce(assignee_id, 0) = :admin_id
   and status <> 'closed'
   and id > :after
 order by id
 limit :limit;
