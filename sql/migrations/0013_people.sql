-- Adds identities of hosts: people who sign in at a host application, by the host's own ids.
--
-- previous release: may serve
--
-- A person of a host has a row in `ticket_people` and one in our own `users`, whose address need
-- then be neither unique nor present. Addresses of `tickets user add` stay unique. A platform's
-- `users` table is never changed: there the external id is its `id`.

-- step: tables

do $$
declare
    taken text;
begin
    select string_agg(name, ', ' order by name)
      into taken
      from (
               select 'table ticket_people' as name where to_regclass('ticket_people') is not null
                union all
               select format('%s.%s', attrelid::regclass, attname)
                 from pg_attribute
                where attrelid = 'ticket_admins'::regclass and attname = 'external_id'
           ) as ours;
    if taken is not null then
        raise exception using
            errcode = 'TK001',
            message = format('this service adds what is there already: %s', taken);
    end if;
end
$$;

create table ticket_people (
    external_id varchar(255) primary key,
    user_id integer not null unique references users (id) on delete cascade,
    name varchar(200),
    created_at timestamptz not null default now()
);

-- Our own `users` table has an index of this name; a platform's has not. The column tells the two
-- apart from now on.
do $$
begin
    if exists (
           select
             from pg_index i
             join pg_class c on c.oid = i.indexrelid
            where i.indrelid = 'users'::regclass
              and c.relname = 'users_email_unique'
       ) and (
           select array_agg(attname::text order by attnum)
             from pg_attribute
            where attrelid = 'users'::regclass and attnum > 0 and not attisdropped
       ) = array['id', 'email', 'created_at']
    then
        alter table users
            alter column email drop not null,
            add column is_external boolean not null default false;
    end if;
end
$$;

-- step: admins

-- An admin of a host may have no address, or one that a colleague has. The token stays null.
alter table ticket_admins
    alter column email drop not null,
    add column external_id varchar(255);

create unique index ticket_admins_external on ticket_admins (external_id);

-- step: index_own_users

-- While these are built, only an insert into `users` waits, which nobody but `tickets user` does:
-- a new ticket locks its user's row, and a row lock is compatible.
do $$
begin
    if exists (
           select
             from pg_attribute
            where attrelid = 'users'::regclass and attname = 'is_external' and not attisdropped
       )
    then
        create index users_by_email on users (lower(email));
        create unique index users_email_of_own on users (lower(email)) where not is_external;
        drop index users_email_unique;
    end if;
end
$$;
