-- People who sign in at a host, by the host's ids.

-- name: has_own_users
-- Whether the table of users is the service's own, and not a platform's.
select exists (
           select
             from pg_attribute
            where attrelid = 'users'::regclass and attname = 'is_external' and not attisdropped
       );

-- name: find_platform_user
-- The user of the platform's table with this id.
select id as user_id, null::text as email, null::text as name from users where id = :user_id;

-- name: find_person
-- The person with this id at the host.
select p.user_id, u.email, p.name
  from ticket_people p
  join users u on u.id = p.user_id
 where p.external_id = :external_id;

-- name: add_person
-- Add a person with a user; no row where another request has just added the same one.
with person as (
    insert into ticket_people (external_id, user_id, name)
    values (:external_id, nextval(pg_get_serial_sequence('users', 'id'))::integer, :name)
        on conflict (external_id) do nothing
    returning user_id
)
insert into users (id, email, is_external)
select user_id, :email::varchar, true from person
returning id as user_id;

-- name: update_person
-- Take over the name and address that the host has now.
with person as (
    update ticket_people
       set name = :name::varchar
     where external_id = :external_id
    returning user_id
)
update users
   set email = :email::varchar
  from person
 where users.id = person.user_id;

-- name: find_host_admin
-- The admin with this id at the host.
select id, name, email, disabled_at is null as active
  from ticket_admins
 where external_id = :external_id;

-- name: add_host_admin
-- Add an admin of the host; one whose address a colleague has gets none. No row where another
-- request has just added the same one, and where the team is as large as it may be.
insert into ticket_admins (external_id, name, email)
select :external_id, :name,
       (
           select :email::varchar
            where not exists (
                      select from ticket_admins where lower(email) = lower(:email::varchar)
                  )
       )
 where (select count(*) from ticket_admins where disabled_at is null) < :max_admins
    on conflict do nothing
returning id;

-- name: rename_host_admin
-- Take over the name that the host has now.
update ticket_admins set name = :name where external_id = :external_id;
