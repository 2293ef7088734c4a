-- The tables of the specification (section 2), on an empty database or taken over from the platform that made them.
--
-- Runs before the code that needs it. Everything happens in one transaction, so a refusal leaves the database as it was.
--
-- An existing database keeps its rows, ids, timestamps, columns and types. What changes in place:
--   * three columns are added (version, message_count, last_message); with constant defaults, so without a rewrite;
--   * tickets that have messages get their two counters, which is one update per such ticket, once;
--   * a missing value in a column that has an obvious one gets it: flags false, priority normal, timestamps from the
--     ticket's own messages; then those columns are declared not null;
--   * named constraints and the indexes of this service are added, and the specification's three indexes, whose
--     look-ups the new ones serve as their first column, are dropped: each index is paid for at each reply.

-- 1. Look before touching anything -----------------------------------------------------------------------------------
--
-- Refuse what cannot be taken over, with a count and examples of each, so that the operator can decide. The code TK001
-- tells the runner that this is an answer for a person, not a fault.
do $$
declare
    missing text;
    unknown text;
begin
    if to_regclass('tickets') is null and to_regclass('ticket_messages') is null then
        return;
    end if;

    -- columns of the specification that are not there, or not of its kind
    select string_agg(format('%s.%s (%s)', spec.table_name, spec.column_name, array_to_string(spec.types, ' or ')), ', ')
      into missing
      from (values
               ('users', 'id', array['int4']),
               ('users', 'email', array['varchar', 'text', 'citext']),
               ('tickets', 'id', array['int4']),
               ('tickets', 'user_id', array['int4']),
               ('tickets', 'category', array['varchar', 'text']),
               ('tickets', 'other_category', array['varchar', 'text']),
               ('tickets', 'subject', array['varchar', 'text']),
               ('tickets', 'status', array['varchar', 'text']),
               ('tickets', 'priority', array['varchar', 'text']),
               ('tickets', 'user_unread', array['bool']),
               ('tickets', 'admin_unread', array['bool']),
               ('tickets', 'created_at', array['timestamptz']),
               ('tickets', 'updated_at', array['timestamptz']),
               ('ticket_messages', 'id', array['int4']),
               ('ticket_messages', 'ticket_id', array['int4']),
               ('ticket_messages', 'sender_type', array['varchar', 'text']),
               ('ticket_messages', 'sender_id', array['int4']),
               ('ticket_messages', 'message', array['text', 'varchar']),
               ('ticket_messages', 'created_at', array['timestamptz'])
           ) as spec (table_name, column_name, types)
     where not exists (
               select
                 from pg_attribute a
                 join pg_type t on t.oid = a.atttypid
                where a.attrelid = to_regclass(spec.table_name)
                  and a.attname = spec.column_name
                  and t.typname = any (spec.types)
           );
    if missing is not null then
        raise exception using
            errcode = 'TK001',
            message = format('these columns of the specification are missing or of another type: %s', missing);
    end if;

    -- From here to the commit nobody else writes, so what is looked at below is what is changed further down. Reading goes on.
    lock table users in share mode;
    lock table tickets, ticket_messages in share row exclusive mode;

    -- rows that the specification does not know
    with finding (what, id, value) as (
        select 'tickets with an unknown status', id, status::text from tickets
         where status is null or status not in ('open', 'in_progress', 'resolved', 'closed')
        union all
        select 'tickets with an unknown category', id, category::text from tickets
         where category is null or category not in ('support', 'billing', 'feature_suggestion', 'other')
        union all
        select 'tickets without a subject', id, subject::text from tickets where subject is null
        union all
        select 'tickets without a user', t.id, t.user_id::text from tickets t
         where not exists (select from users u where u.id = t.user_id)
        union all
        select 'messages with an unknown sender_type', id, sender_type::text from ticket_messages
         where sender_type is null or sender_type not in ('user', 'admin')
        union all
        select 'messages without a text', id, message from ticket_messages where message is null
        union all
        select 'messages without a ticket', m.id, m.ticket_id::text from ticket_messages m
         where not exists (select from tickets t where t.id = m.ticket_id)
    ), numbered as (
        select what, id, value, row_number() over (partition by what order by id) as n from finding
    ), counted as (
        select what,
               count(*) as total,
               string_agg(format('id %s: %s', id, coalesce(quote_literal(left(value, 40)), 'null')), ', ' order by id)
                   filter (where n <= 3) as examples
          from numbered
         group by what
    )
    select string_agg(format('%s %s (%s)', total, what, examples), '; ' order by what) into unknown from counted;
    if unknown is not null then
        raise exception using
            errcode = 'TK001',
            message = format('rows that the specification does not know: %s', unknown);
    end if;
end
$$;

-- 2. The specification's tables, where they are not there yet ---------------------------------------------------------

do $$
begin
    if to_regclass('users') is null then
        create table users (
            id serial primary key,
            email varchar(320) not null,  -- the longest address that mail can carry
            created_at timestamptz not null default now()
        );
        -- one user per address, however it is capitalised; a platform's own users table keeps its own rule
        create unique index users_email_unique on users (lower(email));
    end if;
end
$$;

create table if not exists tickets (
    id serial primary key,
    user_id integer not null references users (id),
    category varchar(50) not null,
    other_category varchar(100),
    subject varchar(200) not null,
    status varchar(20) not null default 'open',
    priority varchar(20) not null default 'normal',
    user_unread boolean not null default false,
    admin_unread boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table if not exists ticket_messages (
    id serial primary key,
    ticket_id integer not null references tickets (id) on delete cascade,
    sender_type varchar(10) not null,
    sender_id integer,  -- the user; null for the admin side, whose members are not told apart
    message text not null,
    created_at timestamptz not null default now()
);

-- 3. What this service keeps beside them ------------------------------------------------------------------------------

alter table tickets
    -- compared in the `where` and raised in the `set` of every save; the code never touches it
    add column version integer not null default 1,
    -- kept by `save` so that a list is one index scan, and not a count per row
    add column message_count integer not null default 0,
    -- the newest message's first 100 characters, with an ellipsis where that cut something off
    add column last_message varchar(101) not null default '';

-- 4. An existing database's rows --------------------------------------------------------------------------------------

update ticket_messages m
   set created_at = coalesce(t.created_at, t.updated_at, now())
  from tickets t
 where t.id = m.ticket_id and m.created_at is null;

update tickets t
   set user_unread = coalesce(t.user_unread, false),
       admin_unread = coalesce(t.admin_unread, false),
       priority = coalesce(t.priority, 'normal'),
       created_at = coalesce(
           t.created_at, (select min(m.created_at) from ticket_messages m where m.ticket_id = t.id), t.updated_at, now()),
       updated_at = coalesce(
           t.updated_at, (select max(m.created_at) from ticket_messages m where m.ticket_id = t.id), t.created_at, now())
 where t.user_unread is null
    or t.admin_unread is null
    or t.priority is null
    or t.created_at is null
    or t.updated_at is null;

update tickets t
   set message_count = thread.message_count,
       last_message = thread.last_message
  from (
           select ticket_id,
                  count(*) over (partition by ticket_id) as message_count,
                  row_number() over (partition by ticket_id order by created_at desc, id desc) as age,
                  case when char_length(message) > 100 then left(message, 100) || '…' else message end as last_message
             from ticket_messages
       ) as thread
 where thread.ticket_id = t.id and thread.age = 1;

alter table tickets
    alter column user_id set not null,
    alter column category set not null,
    alter column subject set not null,
    alter column status set not null,
    alter column status set default 'open',
    alter column priority set not null,
    alter column priority set default 'normal',
    alter column user_unread set not null,
    alter column user_unread set default false,
    alter column admin_unread set not null,
    alter column admin_unread set default true,
    alter column created_at set not null,
    alter column created_at set default now(),
    alter column updated_at set not null,
    alter column updated_at set default now();

alter table ticket_messages
    alter column ticket_id set not null,
    alter column sender_type set not null,
    alter column message set not null,
    alter column created_at set not null,
    alter column created_at set default now();

-- 5. Rules that the database holds as well ----------------------------------------------------------------------------
--
-- Lengths are not among them: rows from before may break a bound that only the form knows, and must stay writable.

alter table tickets
    add constraint tickets_status_known check (status in ('open', 'in_progress', 'resolved', 'closed')),
    add constraint tickets_category_known check (category in ('support', 'billing', 'feature_suggestion', 'other')),
    add constraint tickets_message_count_natural check (message_count >= 0);

alter table ticket_messages
    add constraint ticket_messages_sender_type_known check (sender_type in ('user', 'admin'));

-- 6. Indexes ----------------------------------------------------------------------------------------------------------
--
-- All but the primary keys hold `updated_at` or a flag, so each of them is written at each reply: few, and each for
-- more than one look-up. The lists scan them backwards, newest first.

-- a user's list, with and without a status (user_list), and the foreign key
create index tickets_of_user on tickets (user_id, status, updated_at, id);
-- a user's badge: as many entries as the user has unread tickets (user_unread)
create index tickets_unread_by_user on tickets (user_id) where user_unread;
-- the admins' list without a filter (admin_list), and as its first column the admins' badge (admin_unread)
create index tickets_by_activity on tickets (admin_unread, updated_at, id);
-- the admins' list by status, category or both (admin_list_filtered), and the figures, without the table (admin_stats)
create index tickets_by_status_and_category on tickets (status, category, admin_unread, updated_at, id);
-- natural close: resolved tickets, longest unchanged first (resolved_until)
create index tickets_resolved on tickets (updated_at, id) where status = 'resolved';
-- a thread in the order in which it is read (get_ticket_with_thread)
create index ticket_messages_of_ticket on ticket_messages (ticket_id, created_at, id);

drop index if exists idx_tickets_user_id;
drop index if exists idx_tickets_status;
drop index if exists idx_ticket_messages_ticket_id;
