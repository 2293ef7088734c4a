-- Named admins and their tokens, for `tickets admin`.

-- name: add_admin
-- Add an admin, or enable one who was disabled. No row where an admin with this address is active,
-- and where the team is as large as it may be. Two processes at the same moment may leave one too
-- many.
insert into ticket_admins as a (name, email, token_sha256)
select :name, :email, :token_sha256::bytea
 where (select count(*) from ticket_admins where disabled_at is null) < :max_admins
    on conflict (lower(email)) do update
   set name = excluded.name,
       email = excluded.email,
       token_sha256 = excluded.token_sha256,
       disabled_at = null
 where a.disabled_at is not null
returning id;

-- name: find_admin
-- The admin with this address, in any capitalisation.
select id, name, disabled_at is null as active
  from ticket_admins
 where lower(email) = lower(:email);

-- name: replace_admin_token
-- Replace the token of an admin; null ends the old one without a new one. No row where disabled.
update ticket_admins
   set token_sha256 = :token_sha256::bytea
 where id = :admin_id
   and disabled_at is null
returning id;

-- name: disable_admin
-- Disable an admin. Tickets keep their assignee, and count as unassigned.
update ticket_admins
   set disabled_at = now(),
       token_sha256 = null
 where id = :admin_id
   and disabled_at is null
returning id;
